"""Inside a network: the whole of it in one picture, down to the products behind a single number.

``stages.stages_of`` gives the columns, ``strongest.overview`` what is in them, ``contributions.feeds`` and ``votes``
what feeds what; ``layer.explain_map`` takes a map apart, ``cell.explain_cell`` and ``explain_backward`` a number.
``intervene.changed`` is the network with channels scaled or off, for all of these. ``browser.browser_network``
describes a plain sequence of layers for the browser, which then runs it itself.
"""
