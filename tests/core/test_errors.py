"""Every error of healthsvc is in one tree, and what it means to a client and to a shell stands in
one table each."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import healthsvc
from healthsvc.api import problem_answers, problem_types
from healthsvc.api.problems import ProblemError
from healthsvc.cli.errors import exit_code_of
from healthsvc.client.errors import ApiError
from healthsvc.core import errors
from healthsvc.core.errors import Busy, HealthsvcError, InvalidInput


def classes() -> list[type[BaseException]]:
    """All exception classes that healthsvc defines."""
    for module in pkgutil.walk_packages(healthsvc.__path__, "healthsvc."):
        importlib.import_module(module.name)
    ours = [each for each in below(BaseException) if each.__module__.startswith("healthsvc.")]
    return sorted(set(ours), key=lambda each: (each.__module__, each.__name__))


def below(parent: type[BaseException]) -> Iterator[type[BaseException]]:
    for child in type.__subclasses__(parent):
        yield child
        yield from below(child)


def leaves() -> list[type[BaseException]]:
    return [
        each
        for each in classes()
        if each.__module__ != errors.__name__ and each is not ProblemError
    ]


def test_every_exception_class_is_in_the_tree() -> None:
    assert len(classes()) > 40
    assert [each for each in classes() if not issubclass(each, HealthsvcError)] == []


@pytest.mark.parametrize("error", leaves(), ids=lambda each: each.__name__)
def test_every_error_has_an_answer_and_an_exit_code(error: type[HealthsvcError]) -> None:
    assert exit_code_of(error) is not None
    if error is not ApiError:  # what the API answered to a client of ours: it doesn't answer that
        assert problem_answers.answer_to(error) is not None


def test_the_root_has_neither_so_that_a_new_kind_must_be_placed() -> None:
    assert problem_answers.answer_to(HealthsvcError) is None
    assert exit_code_of(HealthsvcError) is None


def test_the_docstring_is_the_message_unless_there_is_another() -> None:
    assert str(InvalidInput()).startswith("What was given can't be used")
    assert str(InvalidInput("Not this one.")) == "Not this one."


def test_only_what_a_client_may_know_is_answered() -> None:
    internal = problem_answers.problem_for(errors.InternalFault("the row 17 is broken"))
    busy = Busy("come back")
    busy.retry_after = 2.6

    assert (internal.kind, "17" in internal.detail) == (problem_types.INTERNAL_ERROR, False)
    assert problem_answers.problem_for(busy).headers == {"retry-after": "3"}
