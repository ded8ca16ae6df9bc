"""What a recording is: told from its bytes, measured, drawn, converted and decoded, in processes of their own.

Everybody else uses `chat.media.sandbox` alone. The other modules run inside those processes, which a fault in FFmpeg
may crash; they know no store, no settings and no secret.
"""
