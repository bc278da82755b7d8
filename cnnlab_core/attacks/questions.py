"""Statements about FGSM and PGD that are true or false, each with the reason.

Sources: Goodfellow, Shlens and Szegedy (ICLR 2015); Madry et al. (ICLR 2018); Kurakin, Goodfellow and Bengio,
"Adversarial examples in the physical world" (2017), on clipping and on what 8 bits do.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A ``statement``, whether it is true, and why. ``name`` is a short one of its own."""

    name: str
    statement: str
    answer: bool
    explanation: str


QUESTIONS: tuple[Question, ...] = (
    Question(
        "corner",
        "FGSM with a step of epsilon lands on a corner of the square, if no component of the gradient is zero.",
        True,
        "The sign is +1 or −1 in every coordinate, so every coordinate moves by exactly epsilon: to its limit.",
    ),
    Question(
        "zero",
        "Where a component of the gradient is exactly zero, FGSM moves that coordinate up.",
        False,
        "The sign of zero is zero: the coordinate stays as it is. To first order, changing it wouldn't help.",
    ),
    Question(
        "scale",
        "If the loss is multiplied by 10, FGSM with the same step size goes ten times as far.",
        False,
        "The sign throws the length of the gradient away. Only the step size says how far it goes.",
    ),
    Question(
        "optimal",
        "On a linear model, no point of the linf ball has a higher loss than the one that FGSM reaches with a step "
        "of epsilon.",
        True,
        "The score is a sum over coordinates, and each one is pushed as far as it may go in the direction that hurts. "
        "That is why the sign is the right step for linf.",
    ),
    Question(
        "many",
        "On a linear model, PGD with many small steps gets a higher loss than FGSM with a step of epsilon.",
        False,
        "FGSM is at the optimum already, and no attack can beat that. PGD wins on networks, whose gradient turns on "
        "the way.",
    ),
    Question(
        "start",
        "On a linear model, a random start makes PGD stronger.",
        False,
        "From everywhere in the square the steps lead to the same corner. With few steps, a start on the far side may "
        "even fall short. On a network it helps to escape places where the gradient is misleading.",
    ),
    Question(
        "reach",
        "On a linear model, started at the picture, PGD reaches the corner only if step size × number of steps is at "
        "least epsilon.",
        True,
        "Every step moves every coordinate by the step size, always the same way. Short of epsilon in all, it never "
        "comes to the edge.",
    ),
    Question(
        "clip",
        "Projecting onto the linf ball means clipping every coordinate on its own.",
        True,
        "The ball is a square: one interval for each coordinate. The nearest point of the square is nearest in each.",
    ),
    Question(
        "radial",
        "Projecting onto the l2 ball also means clipping every coordinate on its own.",
        False,
        "The whole perturbation is shortened to length epsilon, and keeps its direction. Clipped coordinates would "
        "leave a point of the square, which may be outside the disc.",
    ),
    Question(
        "double",
        "With a step size of more than 2 epsilon, every projected sign step ends at a corner, from wherever in the "
        "square it starts (no gradient component being zero).",
        True,
        "The square is 2 epsilon wide, so each coordinate overshoots its limit and is clipped to it. Such a PGD only "
        "hops from corner to corner.",
    ),
    Question(
        "even",
        "A gradient step normalised in l2 moves all coordinates equally far.",
        False,
        "It keeps the proportions of the gradient: large components move farther. Moving all equally far is what the "
        "sign does.",
    ),
    Question(
        "targeted",
        "An untargeted attack climbs the loss of the true label; a targeted one descends the loss of its target.",
        True,
        "One leaves the label, the other goes to the target. With two classes both are the same direction.",
    ),
    Question(
        "pixels",
        "If the attack succeeds on the float picture, it also succeeds on the same picture saved with 8 bits.",
        False,
        "Saving rounds every pixel to k/255. A change that just crosses the line can be rounded away: so success "
        "is measured on the saved picture.",
    ),
    Question(
        "box",
        "Clipping the result to valid pixels, 0 to 1, can take it out of the linf ball around the picture.",
        False,
        "The picture's own pixels are valid, so clipping only moves a pixel back towards them. It can weaken the "
        "attack, but never break the bound.",
    ),
    Question(
        "dimensions",
        "On a linear model whose weights are all 1 or −1, the same score is overcome by a smaller linf epsilon if "
        "there are more pixels.",
        True,
        "The smallest epsilon is the score divided by the 1-norm of w, which is the number of pixels. Many invisible "
        "changes add up.",
    ),
    Question(
        "failed",
        "If FGSM fails with steps of every size up to epsilon, no point of the ball fools the network.",
        False,
        "FGSM looks along a single line from the picture. Elsewhere in the ball the network, which is not linear, may "
        "well be wrong: an attack that fails proves nothing.",
    ),
)
