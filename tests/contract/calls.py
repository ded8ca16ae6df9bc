"""Every call of the API."""

CALLS = [
    *("POST /api/signup", "POST /api/login", "POST /api/logout"),
    *("GET /api/user/me", "PATCH /api/user/me", "POST /api/user/me", "DELETE /api/user/me", "GET /api/user/list"),
    *("GET /api/conversations", "GET /api/chat/{partnerId}", "POST /api/chat/{partnerId}/read"),
    *("GET /api/chat/{partnerId}/mute", "PUT /api/chat/{partnerId}/mute", "DELETE /api/chat/{partnerId}/mute"),
    *("POST /api/chat", "PATCH /api/chat/message/{messageId}", "DELETE /api/chat/message/{messageId}"),
    *("POST /api/chat/message/{messageId}/transcribe", "GET /api/search"),
    *("GET /api/push", "PUT /api/push", "PATCH /api/push", "DELETE /api/push"),
    *("GET /api/recordings", "POST /api/recordings", "GET /api/recordings/{uuid}"),
    *("PATCH /api/recordings/{uuid}", "DELETE /api/recordings/{uuid}"),
    *("POST /api/upload", "GET /api/file/{uuid}", "GET /api/file/{uuid}/content", "POST /api/file/{uuid}/link"),
]
PUBLIC = ("POST /api/signup", "POST /api/login")
