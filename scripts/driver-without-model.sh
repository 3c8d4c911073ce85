#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# driver-without-model.sh: fails, and prints the lines, if a file of the photonic
# driver reaches for the model. It knows its device by the registers alone, so
# that a chip can take the model's place. Comments and texts do not count; nor
# does MODEL, which is what the register says that tells the two apart.
. "$(dirname "$0")/lib.sh"

cd "$LIGHTOS_DIR/photonic"
found=0
while IFS= read -r file; do
	lines=$(sed -E 's|"[^"]*"||g; s|//.*||' "$file" | grep -nwE 'model|Plant|PlantConfig' || true)
	[ -z "$lines" ] || { sed "s|^|photonic/$file:|" <<<"$lines"; found=1; }
done < <(find device guard mesh -name '*.rs'; printf '%s\n' registers.rs layout.rs usage.rs backend/pci.rs)
[ "$found" = 0 ]
