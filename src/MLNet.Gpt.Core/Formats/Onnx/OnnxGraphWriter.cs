using System.Buffers.Binary;
using System.Globalization;
using MLNet.Gpt.Formats.Exporting;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>
/// Collects a graph: nodes in execution order, inputs, outputs, small constants, and the weights, whose elements are
/// written later. Each method that adds something returns its name.
/// </summary>
internal sealed class OnnxGraphWriter(TensorDataType weightType)
{
    private readonly List<ExportTensor> _weights = [];

    /// <summary>The whole graph except its weights.</summary>
    public ProtobufWriter Message { get; } = new();

    /// <summary>The weights in the order of their first use.</summary>
    public IReadOnlyList<ExportTensor> Weights => _weights;

    /// <summary>Adds a node with one output; its name is the output's.</summary>
    public string Node(string operation, string output, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        Node(operation, [output], inputs, attributes);
        return output;
    }

    public void Node(
        string operation, ReadOnlySpan<string> outputs, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        var node = new ProtobufWriter();
        foreach (string input in inputs) node.Text(OnnxConstants.NodeInput, input);
        foreach (string output in outputs) node.Text(OnnxConstants.NodeOutput, output);
        node.Text(OnnxConstants.NodeName, "/" + outputs[0]).Text(OnnxConstants.NodeOperation, operation);
        foreach (var attribute in attributes) node.Message(OnnxConstants.NodeAttribute, attribute.Message);
        Message.Message(OnnxConstants.GraphNode, node);
    }

    /// <summary>Adds a weight; one that is stored in half precision is widened when the model is loaded.</summary>
    public string Weight(ExportTensor tensor)
    {
        _weights.Add(tensor);
        if (weightType == TensorDataType.Float32) return tensor.Name;
        return Node(
            "Cast", tensor.Name + ".single", [tensor.Name], OnnxAttribute.Of("to", (long)OnnxConstants.NumberOf(TensorDataType.Float32)));
    }

    /// <summary>Adds a vector of integers.</summary>
    public string Numbers(string name, params ReadOnlySpan<long> values)
    {
        byte[] bytes = new byte[values.Length * sizeof(long)];
        for (int i = 0; i < values.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), values[i]);
        return Constant(name, TensorDataType.Int64, [values.Length], bytes);
    }

    /// <summary>Adds an integer scalar.</summary>
    public string Number(string name, long value)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Constant(name, TensorDataType.Int64, [], bytes);
    }

    /// <summary>Adds a scalar.</summary>
    public string Scalar(string name, float value)
    {
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return Constant(name, TensorDataType.Float32, [], bytes);
    }

    /// <summary>Adds an input.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Of its elements.</param>
    /// <param name="dimensions">Each one a number, or a name if it may differ from call to call.</param>
    public string Input(string name, TensorDataType type, params ReadOnlySpan<string> dimensions) =>
        Value(OnnxConstants.GraphInput, name, type, dimensions);

    /// <inheritdoc cref="Input"/>
    public string Output(string name, TensorDataType type, params ReadOnlySpan<string> dimensions) =>
        Value(OnnxConstants.GraphOutput, name, type, dimensions);

    /// <summary>The fields of a tensor before its elements.</summary>
    public static ProtobufWriter TensorHead(string name, TensorDataType type, params IEnumerable<int> shape)
    {
        var tensor = new ProtobufWriter();
        foreach (int size in shape) tensor.Integer(OnnxConstants.TensorDimension, size);
        return tensor.Integer(OnnxConstants.TensorElementType, OnnxConstants.NumberOf(type)).Text(OnnxConstants.TensorName, name);
    }

    private string Constant(string name, TensorDataType type, int[] shape, byte[] bytes)
    {
        Message.Message(OnnxConstants.GraphInitializer, TensorHead(name, type, shape).Bytes(OnnxConstants.TensorRawData, bytes));
        return name;
    }

    private string Value(int field, string name, TensorDataType type, ReadOnlySpan<string> dimensions)
    {
        var shape = new ProtobufWriter();
        foreach (string dimension in dimensions)
        {
            bool isNumber = int.TryParse(dimension, NumberStyles.None, CultureInfo.InvariantCulture, out int size);
            shape.Message(
                OnnxConstants.ShapeDimension,
                isNumber
                    ? new ProtobufWriter().Integer(OnnxConstants.DimensionSize, size)
                    : new ProtobufWriter().Text(OnnxConstants.DimensionName, dimension));
        }

        var tensor = new ProtobufWriter()
            .Integer(OnnxConstants.TypeElement, OnnxConstants.NumberOf(type))
            .Message(OnnxConstants.TypeShape, shape);
        Message.Message(
            field,
            new ProtobufWriter()
                .Text(OnnxConstants.ValueName, name)
                .Message(OnnxConstants.ValueType, new ProtobufWriter().Message(OnnxConstants.TypeTensor, tensor)));
        return name;
    }
}

/// <summary>A node's setting, as its <c>AttributeProto</c>.</summary>
internal sealed class OnnxAttribute
{
    private OnnxAttribute(string name, int type) =>
        Message = new ProtobufWriter().Text(OnnxConstants.AttributeName, name).Integer(OnnxConstants.AttributeType, type);

    public ProtobufWriter Message { get; }

    public static OnnxAttribute Of(string name, float value)
    {
        var attribute = new OnnxAttribute(name, OnnxConstants.FloatAttribute);
        attribute.Message.Single(OnnxConstants.AttributeFloat, value);
        return attribute;
    }

    public static OnnxAttribute Of(string name, long value)
    {
        var attribute = new OnnxAttribute(name, OnnxConstants.IntegerAttribute);
        attribute.Message.Integer(OnnxConstants.AttributeInteger, value);
        return attribute;
    }

    public static OnnxAttribute OfMany(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new OnnxAttribute(name, OnnxConstants.IntegersAttribute);
        foreach (long value in values) attribute.Message.Integer(OnnxConstants.AttributeIntegers, value);
        return attribute;
    }
}
