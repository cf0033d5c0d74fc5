"""Two computers in one test: what is done to one does not reach the other."""


def test_two_guests(windows_vm_factory):
    first, second = windows_vm_factory(count=2)

    first.write_text(r"C:\Users\smolvm\note.txt", "only here")

    assert first.read_text(r"C:\Users\smolvm\note.txt") == "only here"
    assert second.run(r"Test-Path C:\Users\smolvm\note.txt").stdout.strip() == "False"
