#pragma once

#include <filesystem>
#include <vector>

// Where the window was told that models lie. No Qt in here: pio reads it, too.

namespace pio {

struct ChosenModelFolders {
  std::filesystem::path fetched;              // where fetched files go; empty: into the data folder
  std::vector<std::filesystem::path> others;  // with files one has
  std::vector<std::filesystem::path> all() const;
};

// Of the settings in a data folder; none where they cannot be read.
ChosenModelFolders chosen_model_folders(const std::filesystem::path& data_folder);

}  // namespace pio
