"""Text recognition (OCR): pictures of pages become lines of words with their places."""
