"""The Python of a view as a Jupyter notebook, written by ``nbformat``: the package that Jupyter itself reads it with.

It brings the format's own schema, so that what is handed out is checked by what will open it, and needs no Streamlit.
"""

import ast
import hashlib

_INSTALL = """\
# Once, in the environment of this notebook: take the first "# " away and fill in the address.
# %pip install "git+<address of the lab's repository>"
"""


def notebook(title: str, code: str, link: str = "") -> str:
    """A notebook file's content (nbformat 4.5); the same arguments give the same file.

    Args:
        title: what the notebook reproduces, as text.
        code: Python; its imports become the first cell to run, and each paragraph a cell of its own.
        link: the address of the view that it comes from, if there is one.

    Raises:
        SyntaxError: ``code`` isn't Python.
    """
    from nbformat import v4, writes  # a tenth of a second, which no page needs to wait for

    view = f"[this view]({link})" if link else "a view"
    about = f"The numbers of {view}, with the lab's own Python package, cnnlab."
    cells = [(v4.new_markdown_cell, f"# {title}\n\n{about}"), (v4.new_code_cell, _INSTALL)]
    cells += [(v4.new_code_cell, part) for part in paragraphs(code)]
    made_of = [
        new(source.strip(), id=hashlib.sha256(f"{place} {source}".encode()).hexdigest()[:8])
        for place, (new, source) in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return writes(v4.new_notebook(cells=made_of, metadata=kernel)) + "\n"


def paragraphs(code: str) -> list[str]:
    """Code cut between statements: after the imports that it begins with, and wherever a line is left empty."""
    lines, parts, end, imports = code.splitlines(), list[list[str]](), 0, True
    for statement in ast.parse(code).body:
        start = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))]) - 1
        still = imports and isinstance(statement, ast.Import | ast.ImportFrom)
        apart = any(not line.strip() for line in lines[end:start])
        if not parts or still != imports or (apart and not still):
            parts.append([])
        parts[-1] += lines[end : statement.end_lineno]
        end, imports = max(end, statement.end_lineno or 0), still
    parts = parts or [[]]
    parts[-1] += lines[end:]
    return [text for part in parts if (text := "\n".join(part).strip("\n"))]
