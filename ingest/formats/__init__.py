"""One module a family of formats: bytes to sections."""
