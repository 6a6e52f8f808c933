using System.Buffers.Binary;
using System.Globalization;
using MLNet.Gpt.Formats.Exporting;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>
/// Collects a graph: nodes in the order in which they run, inputs, outputs, small constants, and the weights, whose
/// elements are written later. Each method that adds something returns the name of what it makes.
/// </summary>
internal sealed class OnnxGraphWriter(ExportDataType weightType)
{
    private const int NodeField = 1, InitializerField = 5, InputField = 11, OutputField = 12;
    private const int NodeInput = 1, NodeOutput = 2, NodeName = 3, NodeOperation = 4, NodeAttribute = 5;
    private const int ValueName = 1, ValueType = 2, TensorType = 1, ElementTypeField = 1, ShapeField = 2, Dimension = 1, DimensionSize = 1, DimensionName = 2;
    private const int TensorDimension = 1, TensorElementType = 2, TensorName = 8, TensorRawData = 9;

    private readonly List<ExportTensor> _weights = [];

    /// <summary>All of the graph but its weights.</summary>
    public ProtobufWriter Message { get; } = new();

    /// <summary>The weights in the order of their first use.</summary>
    public IReadOnlyList<ExportTensor> Weights => _weights;

    /// <summary>How the weights are stored; they are computed with in single precision.</summary>
    public ExportDataType WeightType => weightType;

    /// <summary>Adds a node with one output; its name is the output's.</summary>
    public string Node(string operation, string output, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        Node(operation, [output], inputs, attributes);
        return output;
    }

    public void Node(string operation, ReadOnlySpan<string> outputs, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        var node = new ProtobufWriter();
        foreach (string input in inputs) node.Text(NodeInput, input);
        foreach (string output in outputs) node.Text(NodeOutput, output);
        node.Text(NodeName, "/" + outputs[0]).Text(NodeOperation, operation);
        foreach (var attribute in attributes) node.Message(NodeAttribute, attribute.Message);
        Message.Message(NodeField, node);
    }

    /// <summary>Adds a weight; one that is stored in half precision is widened where the model is loaded.</summary>
    public string Weight(ExportTensor tensor)
    {
        _weights.Add(tensor);
        if (weightType == ExportDataType.Float32) return tensor.Name;
        return Node("Cast", tensor.Name + ".single", [tensor.Name], OnnxAttribute.Of("to", (long)OnnxElementType.Float32));
    }

    /// <summary>Adds a vector of whole numbers.</summary>
    public string Numbers(string name, params ReadOnlySpan<long> values)
    {
        byte[] bytes = new byte[values.Length * sizeof(long)];
        for (int i = 0; i < values.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), values[i]);
        return Constant(name, OnnxElementType.Int64, [values.Length], bytes);
    }

    /// <summary>Adds a single whole number, without dimensions.</summary>
    public string Number(string name, long value)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Constant(name, OnnxElementType.Int64, [], bytes);
    }

    /// <summary>Adds a single number, without dimensions.</summary>
    public string Scalar(string name, float value)
    {
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return Constant(name, OnnxElementType.Float32, [], bytes);
    }

    /// <summary>Adds an input.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Of its elements.</param>
    /// <param name="dimensions">Each a number, or a name where it may differ from call to call.</param>
    public string Input(string name, OnnxElementType type, params ReadOnlySpan<string> dimensions) => Value(InputField, name, type, dimensions);

    /// <inheritdoc cref="Input"/>
    public string Output(string name, OnnxElementType type, params ReadOnlySpan<string> dimensions) => Value(OutputField, name, type, dimensions);

    /// <summary>The fields of a tensor before its elements.</summary>
    public static ProtobufWriter TensorHead(string name, OnnxElementType type, params IEnumerable<int> shape)
    {
        var tensor = new ProtobufWriter();
        foreach (int size in shape) tensor.Integer(TensorDimension, size);
        return tensor.Integer(TensorElementType, (long)type).Text(TensorName, name);
    }

    private string Constant(string name, OnnxElementType type, int[] shape, byte[] bytes)
    {
        Message.Message(InitializerField, TensorHead(name, type, shape).Bytes(TensorRawData, bytes));
        return name;
    }

    private string Value(int field, string name, OnnxElementType type, ReadOnlySpan<string> dimensions)
    {
        var shape = new ProtobufWriter();
        foreach (string dimension in dimensions)
        {
            bool isNumber = int.TryParse(dimension, NumberStyles.None, CultureInfo.InvariantCulture, out int size);
            shape.Message(Dimension, isNumber ? new ProtobufWriter().Integer(DimensionSize, size) : new ProtobufWriter().Text(DimensionName, dimension));
        }

        var tensor = new ProtobufWriter().Integer(ElementTypeField, (long)type).Message(ShapeField, shape);
        Message.Message(field, new ProtobufWriter().Text(ValueName, name).Message(ValueType, new ProtobufWriter().Message(TensorType, tensor)));
        return name;
    }
}

/// <summary>A node's setting, as its <c>AttributeProto</c>.</summary>
internal sealed class OnnxAttribute
{
    private const int NameField = 1, FloatField = 2, IntegerField = 3, IntegersField = 8, TypeField = 20;
    private const int FloatType = 1, IntegerType = 2, IntegersType = 7;

    private OnnxAttribute(string name, int type) => Message = new ProtobufWriter().Text(NameField, name).Integer(TypeField, type);

    public ProtobufWriter Message { get; }

    public static OnnxAttribute Of(string name, float value)
    {
        var attribute = new OnnxAttribute(name, FloatType);
        attribute.Message.Single(FloatField, value);
        return attribute;
    }

    public static OnnxAttribute Of(string name, long value)
    {
        var attribute = new OnnxAttribute(name, IntegerType);
        attribute.Message.Integer(IntegerField, value);
        return attribute;
    }

    public static OnnxAttribute OfMany(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new OnnxAttribute(name, IntegersType);
        foreach (long value in values) attribute.Message.Integer(IntegersField, value);
        return attribute;
    }
}
