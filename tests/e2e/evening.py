"""An evening's conversations of Nora and her friends for the screenshots, made with the real application."""

import io
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.client import PASSWORD, Client, Json, Person, answer
from tests.deepgram_stand_in import CORRUPT, Answer, DeepgramStandIn, response, spoken
from tests.stack import ROOT

AUDIO = (ROOT / "tests" / "e2e" / "recordings" / "river.wav", ROOT / "tests" / "audio" / "amiable.wav")
NOW = datetime(2026, 3, 12, 18, 42, tzinfo=UTC)
ME = "Nora Lindqvist"
NEWCOMER = "Ines Duarte"
PEOPLE = {
    ME: "Architect. I walk a lot, so I talk a lot.",
    "Amina Yusuf": "Paediatrics, night shifts",
    "Tomás Rivera": "Bakes bread, sends pictures of bread",
    "יעל כהן": "מורה לפיזיקה",
    "Grandpa Leo": "Speak up!",
    "Wren": "",
    NEWCOMER: "",
}
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenfabrik"
ADDRESS = "https://maps.example/old/harbour/sheet-3/north-by-north-east/pier-number-three?year=1931&scale=1-2500"
UNSURE = {"half", "halloumi,"}


@dataclass
class Evening:
    """`people` by name; `times` says when each message was sent according to the screenshots."""

    client: Client
    deepgram: DeepgramStandIn
    people: dict[str, Person] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)

    def happen(self) -> None:
        for name, bio in PEOPLE.items():
            body = {"email": f"{len(self.people)}@example.org", "username": name, "password": PASSWORD}
            made = answer(self.client.request("POST", "/signup", json=body), 201)
            self.people[name] = Person(self.client, made["user"], made["token"])
            self.people[name].call("PATCH", "/user/me", json={"bio": bio})
        self._with_others()
        self._with_amina()
        self.people["Amina Yusuf"].connect()

    @property
    def nora(self) -> Person:
        return self.people[ME]

    @property
    def newcomer(self) -> Person:
        """Somebody who has talked to nobody yet."""
        return self.people[NEWCOMER]

    def _with_others(self) -> None:
        self._say("Wren", ME, "Photos from the hut are in the shared folder", 4 * 1440)
        self._say(ME, "Wren", "You made the fog look kind. Thank you!", 4 * 1440 - 9)
        self.people[ME].call("PUT", f"/chat/{self.people['Wren'].id}/mute", 204)
        self._fail(ME, "Grandpa Leo", 1530)
        self._speak("Grandpa Leo", ME, "I found the old map of the harbour, bring your good eyes on Sunday.", 1502)
        self._say("Grandpa Leo", ME, f"On it: {LONG}, Pier 3. {ADDRESS}", 1501)
        self._say("יעל כהן", ME, "מחר בשש ליד הספרייה?", 233)
        self._say(ME, "יעל כהן", "כן! אני מביאה עוגה", 230)
        for partner in ("Wren", "Grandpa Leo", "יעל כהן"):
            self._read(ME, partner)
        self._speak("Tomás Rivera", ME, "The rye is in the oven, come before seven if you want the crust.", 64)
        self._say("Tomás Rivera", ME, "And bring a jar, there is starter to give away", 63)

    def _with_amina(self) -> None:
        amina = "Amina Yusuf"
        self._say(amina, ME, "Did the permit come through?", 1519)
        self._say(ME, amina, "Stamped and signed. They even liked the stairs", 1511)
        self._say(amina, ME, "Then tomorrow is on me. You choose where", 1510)
        self._say(ME, amina, "The small place by the canal, half past seven? https://canal.example/menu", 41)
        heard = "I am on my way from the station, but the train was late again. Could you ask them to hold the table"
        self._speak(amina, ME, f"{heard} until half past eight?", 19, longer=True)
        self._say(ME, amina, "They hold it. No need to run", 17)
        said = "There is one plate of the halloumi, left tonight. I am ordering it now, before the next table does."
        self._speak(ME, amina, said, 9)
        self._say(amina, ME, "Order two of everything", 6)
        self._say(amina, ME, "And that cake", 5)
        self._say(amina, ME, "🍰", 5)
        self._read(ME, amina)
        self._read(amina, ME)

    def _read(self, reader: str, partner: str) -> None:
        one, other = self.people[reader], self.people[partner]
        one.call("POST", f"/chat/{other.id}/read", 204, json={"upTo": one.history(other)[-1]["_id"]})

    def _say(self, sender: str, receiver: str, text: str, minutes: float) -> None:
        one, other = self.people[sender], self.people[receiver]
        self._settle(one, other, minutes, lambda: one.post(other, text))

    def _speak(self, sender: str, receiver: str, text: str, minutes: float, *, longer: bool = False) -> None:
        one, other = self.people[sender], self.people[receiver]
        content, seconds = recording(longer=longer)
        self.deepgram.then(transcript(text, seconds))
        upload = one.upload(content, "voice.wav", "audio/wav")["audioFileUuid"]
        self._settle(one, other, minutes, lambda: one.post(other, audioFileId=upload))

    def _fail(self, sender: str, receiver: str, minutes: float) -> None:
        """Sends a voice message that cannot be transcribed."""
        one, other = self.people[sender], self.people[receiver]
        self.deepgram.then(CORRUPT)
        upload = one.upload(recording()[0], "voice.wav", "audio/wav")["audioFileUuid"]
        self._settle(one, other, minutes, lambda: one.post(other, audioFileId=upload))

    def _settle(self, one: Person, other: Person, minutes: float, send: Callable[[], Json]) -> None:
        """Sends, and waits until the message is there with its transcript, so that the order is as written here."""
        sent = send()
        moment = (NOW - timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.times[sent["_id"]] = moment
        while True:
            found = [each for each in one.history(other)[-1:] if each["_id"] == sent["_id"]]
            if found and found[0]["status"] in ("delivered", "read", "untranscribed"):
                return


def transcript(text: str, seconds: float) -> Answer:
    """The stand-in's response, with varying confidence."""
    if not UNSURE & set(text.split()):
        return spoken(text, "en", seconds)
    import json

    document = response(text, "en", seconds)
    for word in document["results"]["channels"][0]["alternatives"][0]["words"]:
        word["confidence"] = 0.41 if word["punctuated_word"] in UNSURE else 0.98
    return Answer(body=json.dumps(document).encode())


def recording(*, longer: bool = False) -> tuple[bytes, float]:
    """A wav of a voice and its seconds; the longer one is both recordings in a row."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as target:
        for index, path in enumerate(AUDIO if longer else AUDIO[:1]):
            with wave.open(str(path), "rb") as source:
                if index == 0:
                    target.setparams(source.getparams())
                target.writeframes(source.readframes(source.getnframes()))
        seconds = target.getnframes() / target.getframerate()
    return buffer.getvalue(), seconds
