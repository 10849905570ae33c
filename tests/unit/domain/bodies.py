"""Bodies of every kind, drawn from what stands in a world: valid in form, and mostly not allowed."""

from meyasubako.domain import kinds, schema


class Bodies:
    """Draws values for a schema's fields; `random` decides, the world gives what can be referred to."""

    def __init__(self, random, world, case):
        self.random = random
        everybody = [*world.someone.values(), case.reporter]
        self.pools = {
            schema.DIGEST: [event.leaf for event in world.log] + list(world.payloads) + ["ab" * 32],
            schema.LEAF: [event.leaf for event in world.log] + ["cd" * 32],
            schema.STREAM: [*world.ledger.heads, world.fresh()],
            schema.PERSON: [person.id for person in everybody],
            schema.PUBLIC_KEY: [person.signing.verify_key.text for person in everybody] + ["A" * 43 + "="],
            schema.SIGNATURE: ["A" * 86 + "==", world.log[0].sig],
            schema.AGE_RECIPIENT: [person.recipient.text for person in everybody],
            schema.CHANNEL_ID: ["main", "nowhere"],
            schema.LANGUAGE_TAG: ["en", "ja", "pt-BR"],
        }
        self.day = world.today.isoformat()

    def kind(self):
        return self.random.choice(list(kinds.KINDS.values()))

    def body(self, kind):
        if kind.name != "act.proposed":
            return self.value(kind.body)
        proposed = self.random.choice(
            [each for each in kinds.KINDS.values() if "proposal" in each.body.fields]
        )
        body = self.value(proposed.body)
        body.pop("proposal", None)
        return {"kind": proposed.name, "v": proposed.version, "body": body}

    def value(self, field):
        random = self.random
        match field:
            case schema.Pattern():
                return random.choice(self.pools[field])
            case schema.Count(low=low, high=high):
                return random.choice([low, min(low + 1, high), min(low + 2, high), high])
            case schema.Flag():
                return random.choice([True, False])
            case schema.OneOf(words=words):
                return random.choice(words)
            case schema.Day():
                return random.choice([self.day, "2026-11-30", "9999-12-31"])
            case schema.Setting():
                return random.choice(["intake:main", "steward", "intake:nowhere", "anything"])
            case schema.Owned(also=also):
                named = {"sha256": schema.DIGEST, "size": schema.Count(1), **also}
                return self.value(schema.Record(named))
            case schema.ListOf(item=item, least=least, most=most):
                return [self.value(item) for _ in range(random.randint(least, min(most, least + 2)))]
            case schema.Record(fields=fields, optional=optional):
                kept = [name for name in fields if name not in optional or random.random() < 0.5]
                return {name: self.value(fields[name]) for name in kept}
        raise AssertionError(f"no values for {field}")
