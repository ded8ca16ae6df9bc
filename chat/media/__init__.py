"""Reads recordings in processes of their own: identifies, measures, converts and decodes them.

Other packages use only `chat.media.sandbox`, and the constants of `pieces`. The other modules run inside those
processes, which a bug in FFmpeg may crash. They know no store, no settings and no secret.
"""
