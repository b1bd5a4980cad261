"""One request: from a source and target settings to an encoded image and its proof."""
