namespace MLNet.Gpt.Formats.Onnx;

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
