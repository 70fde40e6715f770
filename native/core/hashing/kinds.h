// The kinds of hash functions: one header a kind, and its place in the list here.
#pragma once

#include "core/hashing/any_kind.h"
#include "core/hashing/kinds/hot.h"
#include "core/hashing/kinds/identity.h"
#include "core/hashing/kinds/mixed.h"
#include "core/hashing/kinds/mixed_radix.h"
#include "core/hashing/kinds/modulo.h"
#include "core/hashing/kinds/quotient.h"
#include "core/hashing/kinds/table.h"

namespace collide {

using AnyHash = AnyKind<IdentityHash, ModuloHash, MixedHash, QuotientHash, MixedRadixHash, TableHash, HotHash>;

}  // namespace collide
