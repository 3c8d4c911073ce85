/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Raw spinlocks as functions: what rust/raw_lock.rs calls. Any context but that
 * of an NMI.
 */
#ifndef _LIGHTOS_RAW_LOCK_SHIM_H
#define _LIGHTOS_RAW_LOCK_SHIM_H

#include <linux/spinlock.h>

void lightos_raw_lock_init(raw_spinlock_t *lock, const char *name,
			   struct lock_class_key *key);
/* Interrupts are off from here on to the last unlocking. */
void lightos_raw_lock(raw_spinlock_t *lock);
bool lightos_raw_trylock(raw_spinlock_t *lock);
void lightos_raw_unlock(raw_spinlock_t *lock);
void lightos_raw_assert_held(raw_spinlock_t *lock);

#endif /* _LIGHTOS_RAW_LOCK_SHIM_H */
