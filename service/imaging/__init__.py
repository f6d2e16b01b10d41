"""Pixels, no models: decoding, geometry and drawing. The only home of PIL."""
