"""What each endpoint does: functions of what all share, and of the fields of a request."""
