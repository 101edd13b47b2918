#pragma once

#include <QList>
#include <QString>
#include <QStringList>

// The four models that the program is made for, as data: how a file of one is recognised, and what it is called where people get it.

namespace pio {

// What a model's file says of itself.
struct ModelHeader {
  QString path;
  qint64 bytes = 0;
  QString architecture = {};  // "" when it could not be read
  QString name = {};          // general.name, or the folder's
  QString quantization = {};  // the commonest weight format: "Q4_K"
  QString problem = {};       // why it could not be read
};

struct CatalogueModel {
  enum Task { Reasoning, Code, Images, Chat };
  QString id;  // "glm-4.7-flash": its key in models.json
  QString name;
  Task task;
  QStringList architectures;  // of a GGUF, then of a Hugging Face folder
  QString key;                // what its name has in it, letters and digits alone
  QString repository;         // where it is published
  QStringList files;          // there: the usual format, and the vision model's file of the one that sees (with its repository where it is another)
  qint64 bytes;               // of them together, as far as they are known
};

// In the order in which they are shown.
const QList<CatalogueModel>& catalogue();
// Which of the four a file is: its architecture must fit, and its name or its file's must say so. -1 none. A header that could not be read
// is judged by its file's name.
int catalogueIndexOf(const ModelHeader& header);
// Whether a file picked by hand for one of the four can be it: by its architecture alone.
bool fitsCatalogue(int index, const ModelHeader& header);

}  // namespace pio
