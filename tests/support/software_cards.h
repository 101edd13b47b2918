#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/temp_folder.h"

namespace pio::test {

// So many renderers in software in place of this machine's cards: the loader is given that many manifests of one driver, lavapipe. To be called before
// anything opens Vulkan. False where the driver is not here.
inline bool use_software_cards(int n) {
  namespace fs = std::filesystem;
  static const TempFolder folder;
  for (const char* place : {"/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"}) {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(place, ignored)) {
      if (!entry.path().filename().string().starts_with("lvp_icd")) continue;
      std::string manifests;
      for (int i = 0; i < n; ++i) {
        const fs::path copy = folder.path() / ("lavapipe_" + std::to_string(i) + ".json");
        fs::copy_file(entry.path(), copy, fs::copy_options::overwrite_existing);
        manifests += (i == 0 ? "" : ":") + copy.string();
      }
      for (const char* name : {"VK_ICD_FILENAMES", "VK_DRIVER_FILES"}) setenv(name, manifests.c_str(), 1);
      return true;
    }
  }
  return false;
}

}  // namespace pio::test
