#include "kernels/base/number_text.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>

#include "tests/support/temp_folder.h"

namespace pio {
namespace {

TEST(FixedText, IsAsPythonsFormat) {
  EXPECT_EQ(fixed_text(0.25, 1), "0.2");  // f"{0.25:.1f}": ties go to the even digit
  EXPECT_EQ(fixed_text(0.35, 1), "0.3");  // 0.35 is below itself as a double
  EXPECT_EQ(fixed_text(12, 1), "12.0");
  EXPECT_EQ(fixed_text(-1.005, 2), "-1.00");
  EXPECT_EQ(fixed_text(2.5, 0), "2");
  EXPECT_EQ(fixed_text(1e300, 20).size(), 301u + 1 + 20);
}

TEST(FixedText, HasAPointInEveryLocale) {
  const TempFolder folder;
  const std::string made = "localedef -i de_DE -f UTF-8 '" + folder.path().string() + "/de_DE.UTF-8' >/dev/null 2>&1";
  setenv("LOCPATH", folder.path().c_str(), 1);
  if (std::system(made.c_str()) != 0 || !std::setlocale(LC_NUMERIC, "de_DE.UTF-8"))
    GTEST_SKIP() << "no localedef with the sources of de_DE (package locales)";
  char text[16];
  std::snprintf(text, sizeof text, "%.1f", 0.5);
  EXPECT_STREQ(text, "0,5") << "the locale that this test is about";
  EXPECT_EQ(fixed_text(0.5, 1), "0.5");
  EXPECT_EQ(short_text(1.5e-7), "1.5e-07");
  std::setlocale(LC_NUMERIC, "C");
}

}  // namespace
}  // namespace pio
