"""The event store: log, tree, vault of sealed payloads, publication; `sqlite.Store` is the door.

- `port`: what goes in and comes out, and the protocol that every store keeps.
- `sqlite`: the store on SQLite; `events` is the only file that knows the eventsourcing library.
- `append`, `transaction`, `waiting`, `commit`: how appends that arrive together share one commit.
- `tree`, `publication`, `check`: tiles, checkpoints, what is read again before signing, and on request.
- `vault`: the only place where the bytes of payloads are written and read.
"""
