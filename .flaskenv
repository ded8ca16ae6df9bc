FLASK_APP=web.app
