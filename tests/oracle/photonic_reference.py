#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Meshes of unitary matrices by other people's programs, for LightOS to be compared with.

    photonic_reference.py          writes tests/data/photonic/meshes.csv
    photonic_reference.py live     prints such a table for every size from 2 to 32

The programs are interferometer (by Clements, the author of the method; MIT) and phaseshift
(Girouard; Apache-2.0). Of phaseshift only the module of the Clements mesh is loaded, which
needs no more than numpy and scipy; the package asks for JAX besides. To have them:

    python3 -m venv venv
    venv/bin/pip install numpy scipy interferometer==1.1.2
    venv/bin/pip install --no-deps phaseshift==1.0.0

Both have other crossings than LightOS (photonic/layout.rs):

    LightOS          T = i e^{i t/2} [[e^{i f} sin(t/2), cos(t/2)], [e^{i f} cos(t/2), -sin(t/2)]]
    interferometer   [[e^{i p} cos(o), -sin(o)], [e^{i p} sin(o), cos(o)]]
    phaseshift       e^{i o} [[e^{i p} cos(o), i sin(o)], [i e^{i p} sin(o), cos(o)]]

With t = pi - 2 o these are T behind which are two phases:

    interferometer   f = p + pi      upper and lower phase o
    phaseshift       f = p - pi/2    upper phase 2 o - pi/2, lower phase 2 o

A crossing takes phases u, l of what comes before into its own, T(t, f) diag(e^{i u}, e^{i l}) =
e^{i l} T(t, f + u - l), so that all of them end at the outputs. Each conversion is checked here
against what the program itself makes of its phases, by a model of LightOS's mesh that shares
nothing with that of the client library.

Rows: kind, name, N, numbers... , all with 17 digits:
  mesh      program and matrix; N N pairs of real and imaginary part, row by row; then N(N-1)/2
            pairs of theta and phi by column of the mesh, then by mode; N output phases. The
            name ends in * where no element is zero, so that there is one solution only.
  light     a whole processor with random phases and splitters of 0.05 rad rms: theta, phi,
            alpha, beta of N N crossings, N phases of the screen; N N pairs of the matrix.
"""

import importlib.metadata
import importlib.util
import os
import sys

import numpy as np
from interferometer import square_decomposition

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "..", "data", "photonic", "meshes.csv")
SEED = 20261125


def phaseshift():
    """The module of the Clements mesh, without the rest of the package."""
    folder = importlib.util.find_spec("phaseshift").submodule_search_locations[0]
    path = os.path.join(folder, "clements_interferometer.py")
    spec = importlib.util.spec_from_file_location("clements_interferometer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLEMENTS = phaseshift()


# LightOS's mesh


def splitter(error):
    c, s = np.cos(np.pi / 4 + error), np.sin(np.pi / 4 + error)
    return np.array([[c, 1j * s], [1j * s, c]])


def crossing(theta, phi, alpha=0.0, beta=0.0):
    top = lambda phase: np.diag([np.exp(1j * phase), 1])
    return splitter(beta) @ top(theta) @ splitter(alpha) @ top(phi)


def columns(n):
    """The upper modes of the crossings of each column of a mesh."""
    return [list(range(k % 2, n - 1, 2)) for k in range(n)]


def through(light, crossings, places):
    """Light behind crossings (theta, phi, alpha, beta) at (column, top) places."""
    for values, (_, top) in zip(crossings, places):
        light[top : top + 2] = crossing(*values) @ light[top : top + 2]
    return light


def places(n):
    return [(k, top) for k, tops in enumerate(columns(n)) for top in tops]


def processor(n, crossings, screen):
    """A first mesh, attenuators, a second mesh, a screen."""
    mesh = n * (n - 1) // 2
    light = through(np.eye(n, dtype=complex), crossings[:mesh], places(n))
    passed = [crossing(*values)[0, 0] for values in crossings[mesh : mesh + n]]
    light = through(np.diag(passed) @ light, crossings[mesh + n :], places(n))
    return np.diag(np.exp(1j * np.array(screen))) @ light


# Conversion


def placed(n, circuit):
    """(o, p) by place of a circuit [(o, p, top)] as light passes it."""
    grid, depth = {}, [0] * n
    for o, p, top in circuit:
        column = max(depth[top], depth[top + 1])
        column += (column - top) % 2
        depth[top] = depth[top + 1] = column + 1
        grid[column, top] = o, p
    assert set(grid) <= set(places(n))
    return grid


def converted(n, circuit, output, shift, phases):
    """Theta and phi, place by place, and the output phases."""
    grid, behind, ours = placed(n, circuit), np.zeros(n), []
    for place in places(n):
        if place in grid:
            o, p = grid[place]
            theta, phi, (upper, lower) = np.pi - 2 * o, p + shift, phases(o)
        else:
            # What a program leaves out does nothing.
            theta, phi, upper, lower = np.pi, np.pi, 0.0, 0.0
        top = place[1]
        ours.append([theta, (phi + behind[top] - behind[top + 1]) % (2 * np.pi)])
        behind[top], behind[top + 1] = behind[top + 1] + upper, behind[top + 1] + lower
    return ours, np.mod(behind + output, 2 * np.pi)


def by_interferometer(unitary):
    mesh = square_decomposition(unitary)
    circuit = [(b.theta, b.phi, int(b.mode1) - 1) for b in mesh.BS_list]
    phases = lambda o: (o, o)
    own = mesh.calculate_transformation()
    return converted(len(unitary), circuit, mesh.output_phases, np.pi, phases), own


def by_phaseshift(unitary):
    mesh = CLEMENTS.mzi_decomposition(unitary)
    circuit = [(theta, phi, top) for theta, phi, (top, _) in reversed(mesh.circuit)]
    phases = lambda o: (2 * o - np.pi / 2, 2 * o)
    own = CLEMENTS.mzi_circuit_reconstruction(mesh)
    return converted(len(unitary), circuit, np.angle(mesh.D), -np.pi / 2, phases), own


PROGRAMS = {"interferometer": by_interferometer, "phaseshift": by_phaseshift}


# The table


def haar(rng, n, real=False):
    draw = rng.normal(size=(n, n)) + (0 if real else 1j * rng.normal(size=(n, n)))
    q, r = np.linalg.qr(draw)
    return q * (np.diag(r) / np.abs(np.diag(r)))


def unitaries(rng, n):
    """Names, whether there is one solution only, and matrices."""
    cut = n // 2
    blocks = np.zeros((n, n), complex)
    blocks[:cut, :cut], blocks[cut:, cut:] = haar(rng, cut), haar(rng, n - cut)
    yield "haar", True, haar(rng, n)
    yield "orthogonal", True, haar(rng, n, real=True).astype(complex)
    yield "fourier", False, np.fft.fft(np.eye(n), norm="ortho")
    yield "identity", False, np.eye(n, dtype=complex)
    yield "permutation", False, np.eye(n, dtype=complex)[rng.permutation(n)]
    yield "phases", False, np.diag(np.exp(2j * np.pi * rng.random(n)))
    yield "blocks", False, blocks


def text(numbers):
    return ",".join(f"{x:.17g}" for x in numbers)


def pairs(matrix):
    return np.stack([matrix.real, matrix.imag], -1).ravel()


def mesh_rows(rng, n):
    for name, unique, unitary in unitaries(rng, n):
        for program, decompose in PROGRAMS.items():
            (ordered, output), own = decompose(unitary)
            light = through(np.eye(n, dtype=complex), ordered, places(n))
            light = np.diag(np.exp(1j * output)) @ light
            assert np.abs(light - own).max() < 1e-12, (program, name, n)
            if np.abs(own - unitary).max() > 1e-12:
                print(f"{program} is off for {name} {n}: left out", file=sys.stderr)
                continue
            numbers = [*pairs(unitary), *np.ravel(ordered), *output]
            yield f"mesh,{program} {name}{'*' if unique else ''},{n},{text(numbers)}"


def light_row(rng, n):
    crossings = np.stack([
        np.pi * rng.random(n * n), 2 * np.pi * rng.random(n * n),
        0.05 * rng.normal(size=n * n), 0.05 * rng.normal(size=n * n),
    ], -1)
    screen = 2 * np.pi * rng.random(n)
    matrix = processor(n, crossings, screen)
    return f"light,processor,{n},{text([*crossings.ravel(), *screen, *pairs(matrix)])}"


def head():
    yield "# Made by tests/oracle/photonic_reference.py, which says what the rows are, with"
    packages = "interferometer", "phaseshift", "numpy", "scipy"
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in packages)
    yield f"# {versions}; seed {SEED}."


def table(sizes):
    rng = np.random.default_rng(SEED)
    yield from head()
    for n in sizes:
        yield from mesh_rows(rng, n)
        yield light_row(rng, n)


def main():
    if sys.argv[1:] == ["live"]:
        for row in table(range(2, 33)):
            print(row)
        return
    with open(TABLE, "w", encoding="ascii", newline="\n") as out:
        for row in table((2, 3, 4, 5, 8)):
            out.write(row + "\n")


if __name__ == "__main__":
    main()
