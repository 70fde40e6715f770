#include "races.h"

#include "finding.h"

namespace test_device {

void races::race(const Warp& warp, int lane, const Region& region, std::uint64_t offset, const Access& earlier,
                 const char* what, const char* after) {
  const Block& block = warp.block;
  const bool same_block = serial(earlier) == block.serial;
  block.fail(warp, lane, "data race",
             text(what, " at byte ", offset, " of ", region.name, " ", after, " thread ", thread(earlier), " of ",
                  same_block ? std::string("the block") : text("block ", serial(earlier) - block.launch.first_serial),
                  ", with nothing that orders the two"));
}

}  // namespace test_device
