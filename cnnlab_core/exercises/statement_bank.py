"""Statements about FGSM and PGD that are true or false, each with the reason.

Sources: Goodfellow, Shlens and Szegedy (ICLR 2015); Madry et al. (ICLR 2018); Kurakin, Goodfellow and Bengio,
"Adversarial examples in the physical world" (2017), on clipping and on what 8 bits do.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Statement:
    """What is stated, whether that is true, and why."""

    name: str
    text: str
    answer: bool
    why: str


STATEMENTS: tuple[Statement, ...] = (
    Statement(
        "corner",
        "FGSM with a step of epsilon lands on a corner of the square, if no component of the gradient is zero.",
        True,
        "The sign is +1 or −1 in every coordinate, so every coordinate moves by exactly epsilon: to its limit.",
    ),
    Statement(
        "zero",
        "Where a component of the gradient is exactly zero, FGSM moves that coordinate up.",
        False,
        "The sign of zero is zero: the coordinate stays as it is. To first order, changing it wouldn't help.",
    ),
    Statement(
        "scale",
        "If the loss is multiplied by 10, FGSM with the same step size goes ten times as far.",
        False,
        "The sign throws the length of the gradient away. Only the step size says how far it goes.",
    ),
    Statement(
        "optimal",
        "On a linear model, no point of the L∞ ball has a higher loss than the one that FGSM reaches with a step "
        "of epsilon.",
        True,
        "The score is a sum over coordinates, and each one is pushed as far as it may go in the direction that hurts. "
        "That is why the sign is the right step for L∞.",
    ),
    Statement(
        "many",
        "On a linear model, PGD with many small steps gets a higher loss than FGSM with a step of epsilon.",
        False,
        "FGSM is at the optimum already, and no attack can beat that. PGD wins on networks, whose gradient changes "
        "along the way.",
    ),
    Statement(
        "start",
        "On a linear model, a random start makes PGD stronger.",
        False,
        "From anywhere in the square the steps lead to the same corner. With few steps, a start on the far side may "
        "even fall short. On a network it helps to escape places where the gradient is misleading.",
    ),
    Statement(
        "reach",
        "On a linear model, started at the picture, PGD reaches the corner only if step size × number of steps is at "
        "least epsilon.",
        True,
        "Every step moves every coordinate by the step size, always the same way. If they add up to less than "
        "epsilon, it never reaches the edge.",
    ),
    Statement(
        "clip",
        "Projecting onto the L∞ ball means clipping every coordinate on its own.",
        True,
        "The ball is a square: one interval for each coordinate. The nearest point of the square is nearest in each.",
    ),
    Statement(
        "radial",
        "Projecting onto the L2 ball also means clipping every coordinate on its own.",
        False,
        "The whole perturbation is shortened to length epsilon, and keeps its direction. Clipped coordinates would "
        "leave a point of the square, which may be outside the disc.",
    ),
    Statement(
        "double",
        "With a step size of more than 2 epsilon, every projected sign step ends at a corner, wherever in the "
        "square it starts (if no gradient component is zero).",
        True,
        "The square is 2 epsilon wide, so each coordinate overshoots its limit and is clipped to it. Such a PGD only "
        "hops from corner to corner.",
    ),
    Statement(
        "even",
        "A gradient step normalised in L2 moves all coordinates equally far.",
        False,
        "It keeps the proportions of the gradient: large components move farther. Moving all equally far is what the "
        "sign does.",
    ),
    Statement(
        "targeted",
        "An untargeted attack climbs the loss of the true label; a targeted one descends the loss of its target.",
        True,
        "One leaves the label, the other goes to the target. With two classes both are the same direction.",
    ),
    Statement(
        "pixels",
        "If the attack succeeds on the float picture, it also succeeds on the same picture saved with 8 bits.",
        False,
        "Saving rounds every pixel to k/255. A change that just crosses the line can be rounded away: so success "
        "is measured on the saved picture.",
    ),
    Statement(
        "box",
        "Clipping the result to valid pixels, 0 to 1, can take it out of the L∞ ball around the picture.",
        False,
        "The picture's own pixels are valid, so clipping only moves a pixel back towards them. It can weaken the "
        "attack, but never break the bound.",
    ),
    Statement(
        "dimensions",
        "On a linear model whose weights are all 1 or −1, the more pixels there are, the smaller the L∞ epsilon that "
        "overcomes a given score.",
        True,
        "The smallest epsilon is the score divided by the 1-norm of w, which is the number of pixels. Many invisible "
        "changes add up.",
    ),
    Statement(
        "failed",
        "If FGSM fails with steps of every size up to epsilon, no point of the ball fools the network.",
        False,
        "FGSM looks along a single line from the picture. Elsewhere in the ball the network, which is not linear, may "
        "well be wrong: an attack that fails proves nothing.",
    ),
    Statement(
        "cost",
        "On a linear model, FGSM with a step of epsilon lowers the margin by epsilon times the sum of the absolute "
        "weights.",
        True,
        "Coordinate i moves by epsilon against the margin, which costs epsilon · |w_i|. Added up, that is epsilon "
        "times the 1-norm of w.",
    ),
    Statement(
        "cost_l2",
        "On a linear model, a step of length epsilon along the gradient, normalised in L2, lowers the margin by "
        "epsilon times the 2-norm of w.",
        True,
        "The step goes straight along w, and w · w divided by the length of w is the length of w: the dual norm of "
        "L2 is L2.",
    ),
    Statement(
        "disc",
        "The L2 ball of radius epsilon holds the L∞ ball of the same epsilon.",
        False,
        "It is the other way round: a corner of the L∞ ball is farther away than epsilon in L2, by the root of "
        "the number of pixels.",
    ),
    Statement(
        "stronger",
        "With the same epsilon, the best L∞ attack on a linear model with at least two weights that aren't zero "
        "lowers the margin more than the best L2 attack.",
        True,
        "The 1-norm of w is then larger than its 2-norm. The same epsilon means very different threat models in the"
        " two norms.",
    ),
    Statement(
        "bias",
        "For a given label, changing the bias b of a neuron changes the direction of the FGSM step.",
        False,
        "The gradient with respect to x points along w, whatever b is. The bias only moves the line, and so "
        "changes how far away it is.",
    ),
    Statement(
        "confident",
        "Where the neuron is more confident in the right label, FGSM with the same step size takes a shorter step.",
        False,
        "The gradient is smaller there, but the sign doesn't show it: the step is as long as everywhere.",
    ),
    Statement(
        "monotone",
        "On a linear model, no step of PGD in L∞ lowers the loss.",
        True,
        "Every coordinate goes the way that raises the loss, and clipping only cuts that way short. It never turns "
        "it around.",
    ),
    Statement(
        "twice",
        "Projecting onto the ball twice gives the same point as projecting once.",
        True,
        "After the first projection the point is in the ball, and the nearest point of the ball to one inside it is "
        "that point itself.",
    ),
    Statement(
        "order",
        "For L∞, clipping to the ball first and to valid pixels second gives the same as the other way round.",
        True,
        "Each is an interval for every coordinate, and the two overlap, as the picture's own pixel is in both. For "
        "L2 that isn't so.",
    ),
    Statement(
        "coin",
        "Noise that adds or subtracts epsilon at every pixel, by the toss of a coin, lowers the margin of a linear "
        "model as much as FGSM on average.",
        False,
        "On average it doesn't lower it at all: for every pattern of signs there is the opposite one. In many "
        "dimensions random noise does hardly any harm, which is why an attack needs the gradient.",
    ),
    Statement(
        "transfer",
        "Two linear models whose weights have the same signs get the same FGSM step.",
        True,
        "Only the signs of the gradient count. That is one reason why an attack on one model often works on another.",
    ),
    Statement(
        "doubled",
        "If w and b are both doubled, half the epsilon is enough to fool the neuron.",
        False,
        "The margin doubles, and so does the norm of w: the line stays where it is. Only the confidence has changed.",
    ),
    Statement(
        "weights",
        "FGSM follows the sign of the gradient of the loss with respect to the weights.",
        False,
        "With respect to the picture: an attack leaves the weights as they are and changes the input. Training does"
        " the opposite.",
    ),
    Statement(
        "single",
        "PGD from the picture itself, with one step of epsilon, is FGSM in the L∞ ball of epsilon.",
        True,
        "It is the same step, and the projection has nothing to do: the step ends on the edge.",
    ),
    Statement(
        "margin_left",
        "On a linear model without a pixel box, the best attack with twice the smallest fooling epsilon turns the "
        "margin m into −m.",
        True,
        "The margin falls in proportion to epsilon. At the smallest one it is zero, so at twice that it is as far "
        "below.",
    ),
)

CHANGES: tuple[Statement, ...] = (
    Statement(
        "parameters",
        "During an adversarial attack, the parameters of the network change.",
        False,
        "An attack keeps the weights and biases as they are and changes its input. Training does the opposite.",
    ),
    Statement(
        "changed",
        "During an adversarial attack, the values of the picture's pixels change.",
        True,
        "The pixels are what an attack optimises: it takes the gradient of the loss with respect to them.",
    ),
    Statement(
        "inside",
        "PGD always ends inside the epsilon ball or on its edge.",
        True,
        "After every step the point is projected onto the ball, however long the step was. The edge belongs to it.",
    ),
    Statement(
        "outside",
        "Without projection, FGSM always ends inside the epsilon ball.",
        False,
        "It goes exactly as far as its step size says: with a step size of more than epsilon it ends outside.",
    ),
    Statement(
        "raw",
        "If FGSM followed the gradient itself instead of its sign, a step of size epsilon would still end on the edge "
        "of the L∞ ball.",
        False,
        "The step is then as long as the gradient times epsilon: it ends inside where the gradient is small, and "
        "outside where it is large.",
    ),
    Statement(
        "frozen",
        "A network whose parameters are frozen can still be attacked with PGD.",
        True,
        "PGD needs the gradient with respect to the picture. The parameters need none.",
    ),
    Statement(
        "original",
        "After an attack, the network gives the same answer to the original picture as before.",
        True,
        "Nothing in the network has changed, so the same picture gives the same logits. A second picture was made.",
    ),
    Statement(
        "farther",
        "Twice as many steps of PGD always lead twice as far away from the picture.",
        False,
        "No step leads out of the ball. On its edge, steps only move along it or stay where they are.",
    ),
)
"""What an attack changes, and how far it gets. A bank of its own: a seed of the other one keeps its exercise."""


def draw_statements(seed: int, count: int, bank: tuple[Statement, ...] = STATEMENTS) -> tuple[Statement, ...]:
    """``count`` statements, dealt out by ``seed``; neighbouring seeds have different ones, as long as any are left.

    The bank is shuffled and dealt out; when too few are left, it is shuffled anew.
    """
    hands = len(bank) // count
    shuffled = np.random.default_rng(seed // hands).permutation(len(bank))
    hand = seed % hands
    return tuple(bank[index] for index in shuffled[hand * count : (hand + 1) * count])
