"""A node of a Redis Cluster is killed and its replica promoted, or links between nodes break, while people talk."""

import pytest

from chat.store import keys, partitions
from chat.store.connection import Stores
from dev.processes import wait_until
from tests.fault.traffic import Traffic
from tests.redis_cluster import Cluster
from tests.stack import Stack

pytestmark = pytest.mark.timeout(400)
PROMOTION_SECONDS = 30.0


@pytest.mark.parametrize("tag", [keys.PEOPLE, pytest.param("a partition's", marks=pytest.mark.long)])
def test_accepted_messages_survive_the_kill_of_a_node_and_its_promotion(
    stack: Stack, cluster: Cluster, stores: Stores, tag: str
) -> None:
    with Traffic([stack.url], voice_every=20) as traffic:
        key = tag
        if tag != keys.PEOPLE:
            ada, ben = traffic.pairs[0].people
            key = keys.accepted_key(partitions.of_people(stores, ada.id, ben.id))
        traffic.go_on(60)
        node = cluster.owner_of(key)
        node.kill()
        wait_until(lambda: cluster.find_owner(key) not in (None, node), PROMOTION_SECONDS, "the promotion")
        cluster.restart()  # before that too few replicas have what would be accepted
        traffic.go_on(60)
        traffic.verify()


def test_what_was_lost_on_a_link_between_nodes_reaches_every_socket(stack: Stack, cluster: Cluster) -> None:
    lost = stack.web.output().count("subscriber.link_lost")
    with Traffic([stack.url], pairs=6, rate=25, voice_every=0) as traffic:
        for _ in range(8):
            traffic.go_on(20)
            cluster.break_links()
        traffic.verify()
    wait_until(lambda: stack.web.output().count("subscriber.link_lost") > lost, PROMOTION_SECONDS, "the notice")
