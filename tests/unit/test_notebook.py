"""The Python of a view as a notebook: Jupyter's own, cut into cells that say the same."""

import ast

import nbformat
import pytest

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial import attack
from cnnlab_core.recipes.notebook import notebook, paragraphs
from cnnlab_core.recipes.reading_text import look_inside

ATTACK = attack.code("cifar10_standard", "pretrained", "chelsea", plan=Plan("PGD"), target=None)
LOOK = look_inside.code("names_lstm", of_run=False, line="anna", changed="änna", data="names", length=9)
ODD = """\
# first of all
import math; x = 1

@property
def f(self):

    return 2
y = '''a

b'''  # a line of text

# the end
"""


@pytest.mark.parametrize("code", [ATTACK, LOOK, ODD, "", "x = 1", "# nothing", "import math\n\nimport os"])
def test_cells_say_what_the_code_says_and_the_file_is_jupyters(code):
    content = notebook("A view", code, "http://lab/page?x=%29")
    read = nbformat.reads(content, as_version=4)
    nbformat.validate(read)
    cells = [cell.source for cell in read.cells if cell.cell_type == "code"][1:]
    assert ast.dump(ast.parse("\n".join(cells))) == ast.dump(ast.parse(code))
    assert all(line.strip() in "\n".join(cells) for line in code.splitlines())  # comments too
    assert "(http://lab/page?x=%29)" in read.cells[0].source
    assert all(line.startswith("#") for line in read.cells[1].source.splitlines())  # nothing is fetched
    assert content == notebook("A view", code, "http://lab/page?x=%29")


def test_imports_come_first_and_each_paragraph_has_a_cell():
    imports, *rest = paragraphs(ATTACK)
    assert all("import" in line for line in imports.splitlines())
    assert [part.split()[0] for part in rest] == ["model", "before,"]
    assert [part.splitlines()[0] for part in paragraphs(ODD)] == ["# first of all", "@property"]
