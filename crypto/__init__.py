"""See docs/developers.md for what belongs in this layer."""

if __name__ != "meyasubako.crypto":
    raise ImportError("import meyasubako.crypto; the bare name 'crypto' belongs to other distributions")
