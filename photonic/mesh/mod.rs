// SPDX-License-Identifier: GPL-2.0

//! From phases to codes of heaters, and from numbers to light and back.
