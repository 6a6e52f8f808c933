namespace MLNet.Gpt.Formats.Onnx;

/// <summary>
/// Versions, field numbers and element types of an ONNX model. Source: <c>onnx.proto</c> of the ONNX specification.
/// </summary>
internal static class OnnxConstants
{
    public const int Opset = 17, IrVersion = 8;

    /// <summary>Fields of ModelProto.</summary>
    public const int ModelIrVersion = 1, ModelProducer = 2, ModelGraph = 7, ModelOpset = 8, ModelMetadata = 14;

    /// <summary>Fields of OperatorSetIdProto and StringStringEntryProto.</summary>
    public const int OpsetVersion = 2, PairKey = 1, PairValue = 2;

    /// <summary>Fields of GraphProto.</summary>
    public const int GraphNode = 1, GraphName = 2, GraphInitializer = 5, GraphInput = 11, GraphOutput = 12;

    /// <summary>Fields of NodeProto.</summary>
    public const int NodeInput = 1, NodeOutput = 2, NodeName = 3, NodeOperation = 4, NodeAttribute = 5;

    /// <summary>Fields of AttributeProto, and numbers of its types.</summary>
    public const int AttributeName = 1, AttributeFloat = 2, AttributeInteger = 3, AttributeIntegers = 8, AttributeType = 20;

    public const int FloatAttribute = 1, IntegerAttribute = 2, IntegersAttribute = 7;

    /// <summary>Fields of ValueInfoProto, TypeProto and TensorShapeProto.</summary>
    public const int ValueName = 1, ValueType = 2, TypeTensor = 1, TypeElement = 1, TypeShape = 2, ShapeDimension = 1,
        DimensionSize = 1, DimensionName = 2;

    /// <summary>Fields of TensorProto, and the number that says that its elements are in another file.</summary>
    public const int TensorDimension = 1, TensorElementType = 2, TensorName = 8, TensorRawData = 9,
        TensorExternalData = 13, TensorLocation = 14;

    public const int ExternalLocation = 1;

    /// <summary>Returns the number of a type in TensorProto.DataType.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Our graphs have no such tensors.</exception>
    public static int NumberOf(TensorDataType type) => type switch
    {
        TensorDataType.Float32 => 1,
        TensorDataType.Int64 => 7,
        TensorDataType.Boolean => 9,
        TensorDataType.Float16 => 10,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"Our ONNX files do not support {type}."),
    };
}
