"""See docs/developers.md for what belongs in this layer."""

if __name__ != "meyasubako.service":
    raise ImportError("import meyasubako.service; the bare name 'service' belongs to other distributions")
