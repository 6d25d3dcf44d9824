"""What every backend promises, as tests that any backend can be held against. Needs pytest, and none of its plug-ins."""

from event_store.testing.contract.asynchronous import AsynchronousContract
from event_store.testing.contract.conditions import ConditionContract
from event_store.testing.contract.contents import ContentContract
from event_store.testing.contract.deleting import DeletingContract
from event_store.testing.contract.finality import FinalityContract
from event_store.testing.contract.linking import LinkingContract
from event_store.testing.contract.ranges import RangeContract
from event_store.testing.contract.repeating import RepeatingContract
from event_store.testing.contract.streams import StreamListContract
from event_store.testing.contract.times import TimeContract
from event_store.testing.contract.versions import VersionContract
from event_store.testing.contract.writing import WritingContract


class BackendContract(
    WritingContract,
    VersionContract,
    LinkingContract,
    ConditionContract,
    RepeatingContract,
    DeletingContract,
    RangeContract,
    FinalityContract,
    TimeContract,
    ContentContract,
    StreamListContract,
    AsynchronousContract,
):
    """
    Hold a backend against it with pytest:

        class TestMemoryBackend(BackendContract):
            def make_backend(self) -> Backend:
                return MemoryBackend()

    Each test gets a new backend, which has to be empty. What only a database can show (several connections, isolation
    levels, statements) is not in it.
    """


__all__ = ["BackendContract"]
