// draw_icons ICON.svg OUT SIZE…: the icon as OUT/SIZE.png in each size. Desktops that draw no SVG take these.

#include <QImage>
#include <QPainter>
#include <QSvgRenderer>
#include <cstdio>

int main(int argc, char** argv) {
  QSvgRenderer icon(argc > 1 ? QString::fromLocal8Bit(argv[1]) : QString());
  if (argc < 4 || !icon.isValid()) {
    std::fprintf(stderr, "draw_icons: ICON.svg OUT SIZE...: expected, not found\n");
    return 1;
  }
  for (int i = 3; i < argc; ++i) {
    const int size = QByteArray(argv[i]).toInt();
    QImage image(size, size, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    {
      QPainter painter(&image);
      painter.setRenderHint(QPainter::Antialiasing);
      icon.render(&painter, QRectF(0, 0, size, size));
    }
    if (!image.save(QStringLiteral("%1/%2.png").arg(QString::fromLocal8Bit(argv[2]), QString::fromLatin1(argv[i])))) {
      std::fprintf(stderr, "draw_icons: %s/%s.png: cannot be written\n", argv[2], argv[i]);
      return 1;
    }
  }
  return 0;
}
