"""See docs/developers.md for what belongs in this layer."""

if __name__ != "meyasubako.domain":
    raise ImportError("import meyasubako.domain; the bare name 'domain' belongs to other distributions")
