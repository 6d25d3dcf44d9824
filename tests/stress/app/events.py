from event_store import Event


class Written(Event):
    writer: int
    number: int


class Other(Event):
    writer: int
    number: int


class Followed(Event):
    position: int
