namespace MLNet.Gpt.Formats.Onnx;

/// <summary>Numbers of ONNX's <c>TensorProto.DataType</c>.</summary>
internal enum OnnxElementType
{
    Float32 = 1,
    Int64 = 7,
    Boolean = 9,
    Float16 = 10,
}
