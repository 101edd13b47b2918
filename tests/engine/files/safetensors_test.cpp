#include <gtest/gtest.h>

#include "engine/files/model_file.h"
#include "tests/support/safetensors_writer.h"

namespace pio {
namespace {

TEST(Safetensors, NamesShapesFormatsAndRangesAreAsWritten) {
  const std::string header =
      R"({"__metadata__":{"format":"pt","a":"b"},"w":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
      R"("s":{"data_offsets":[0,4],"shape":[],"dtype":"F32"},"h":{"dtype":"F16","shape":[1,1,1,2],"data_offsets":[16,20]}}   )";
  const auto bytes = safetensors_file(header, 20);
  const auto parsed = parse_safetensors(bytes, "x.safetensors");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 3u);  // in the order of the data
  EXPECT_EQ((*parsed)[0].info.name, "s");
  EXPECT_EQ((*parsed)[0].info.shape.rank(), 0);
  EXPECT_EQ((*parsed)[0].info.dtype, DType::f32);
  EXPECT_EQ((*parsed)[0].offset, 8 + header.size());
  EXPECT_EQ((*parsed)[1].info.name, "w");
  EXPECT_EQ((*parsed)[1].info.shape, (Shape{2, 3}));
  EXPECT_EQ((*parsed)[1].info.dtype, DType::bf16);
  EXPECT_EQ((*parsed)[1].info.n_bytes, 12u);
  EXPECT_EQ((*parsed)[1].offset, 8 + header.size() + 4);
  EXPECT_EQ((*parsed)[2].info.dtype, DType::f16);
}

TEST(Safetensors, AFileWithoutTensorsIsSound) {
  EXPECT_TRUE(parse_safetensors(safetensors_file("{}", 0), "x"));
  EXPECT_TRUE(parse_safetensors(safetensors_file(R"({"__metadata__":{}})", 0), "x"));
}

TEST(Safetensors, WhatOthersMayHoldIsUnsupportedByName) {
  const auto refused = [](std::string_view header, std::size_t n, std::string_view words) {
    const auto parsed = parse_safetensors(safetensors_file(header, n), "x.safetensors");
    ASSERT_FALSE(parsed) << header;
    EXPECT_EQ(parsed.error().code, ErrorCode::unsupported_model) << parsed.error().message;
    EXPECT_NE(parsed.error().message.find(words), std::string::npos) << parsed.error().message;
  };
  refused(R"({"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8, "tensor w: expected F32, F16, BF16, U8, I8, I32 or I64, found F64");
  refused(R"({"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4, "F8_E4M3");
  refused(R"({"w":{"dtype":"F32","shape":[1,1,1,1,1,1],"data_offsets":[0,4]}})", 4, "at most 5 dimensions, found 6");
}

TEST(Safetensors, TensorsWithoutValuesAndMembersOfOthersArePassedOver) {
  const auto parsed = parse_safetensors(
      safetensors_file(
          R"({"empty":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"F32","note":"x","shape":[1],"more":{"a":[1,{"b":null}]},)"
          R"("data_offsets":[0,4],"last":[true,-1,1.5]},"odd":{"dtype":"F8_E5M2","shape":[3,0,1,1,1,1],"data_offsets":[4,4]}})",
          4),
      "x");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 1u);
  EXPECT_EQ((*parsed)[0].info.name, "w");
  EXPECT_EQ((*parsed)[0].info.shape, (Shape{1}));
  EXPECT_FALSE(parse_safetensors(safetensors_file(R"({"empty":{"dtype":"F32","shape":[0],"data_offsets":[0,4]}})", 4), "x"));
}

}  // namespace
}  // namespace pio
