"""What programs call: /api and, later, /v1."""
