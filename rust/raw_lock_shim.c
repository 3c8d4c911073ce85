// SPDX-License-Identifier: GPL-2.0
/*
 * Raw spinlocks that keep interrupts off. They are macros of C, so that Rust
 * reaches them through functions. Any context but that of an NMI.
 */
#include <linux/lockdep.h>

#include "raw_lock_shim.h"

void lightos_raw_lock_init(raw_spinlock_t *lock, const char *name,
			   struct lock_class_key *key)
{
#ifdef CONFIG_DEBUG_SPINLOCK
	__raw_spin_lock_init(lock, name, key, LD_WAIT_SPIN);
#else
	raw_spin_lock_init(lock);
#endif
}

void lightos_raw_lock(raw_spinlock_t *lock)
{
	raw_spin_lock_irq_disable(lock);
}

bool lightos_raw_trylock(raw_spinlock_t *lock)
{
	return raw_spin_trylock_irq_disable(lock);
}

void lightos_raw_unlock(raw_spinlock_t *lock)
{
	raw_spin_unlock_irq_enable(lock);
}

void lightos_raw_assert_held(raw_spinlock_t *lock)
{
	lockdep_assert_held(lock);
}
