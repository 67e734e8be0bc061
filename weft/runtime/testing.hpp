// For tests of runtimes: nothing may be left of a test.
#pragma once

#include <gtest/gtest.h>

#include <weft/ports/host/memory.hpp>

namespace weft::testing {

// A fixture on top of `Base`, testing::Test or what takes parameters.
template <class Base> class leaves_nothing : public Base {
  protected:
    void SetUp() override { before_ = memory::measure(); }
    void TearDown() override {
        memory::usage after = memory::measure();
        EXPECT_EQ(after.live_frames, before_.live_frames);
        EXPECT_EQ(after.live_branches, before_.live_branches);
    }

  private:
    memory::usage before_{};
};

} // namespace weft::testing
