using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Data.IO;
using Microsoft.ML.Runtime;

namespace MLNet.Gpt.Rows;

/// <summary>The values of a key column, of whatever type: what predicted keys stand for.</summary>
internal abstract class LabelKeys
{
    public const string Kind = "KeyValues";

    /// <summary>The values as texts, in the order of the keys.</summary>
    public abstract IEnumerable<string> Texts { get; }

    /// <summary>Returns the values of a column; <see langword="null"/> if its keys have none.</summary>
    public static LabelKeys? Of(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(Kind) is not { Type: VectorDataViewType type }) return null;
        return (LabelKeys)Activator.CreateInstance(typeof(Keys<>).MakeGenericType(type.ItemType.RawType), column.Annotations, type)!;
    }

    /// <summary>Returns values that are texts.</summary>
    public static LabelKeys OfTexts(params string[] texts) => new Keys<ReadOnlyMemory<char>>(
        new VBuffer<ReadOnlyMemory<char>>(texts.Length, [.. texts.Select(text => text.AsMemory())]),
        new VectorDataViewType(TextDataViewType.Instance, texts.Length));

    /// <summary>Reads what <see cref="ToBytes"/> has written.</summary>
    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static LabelKeys Read(IHostEnvironment environment, byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return new BinarySaver(environment, new BinarySaver.Arguments()).TryLoadTypeAndValue(stream, out var type, out object value)
            && type is VectorDataViewType vector
            ? (LabelKeys)Activator.CreateInstance(typeof(Keys<>).MakeGenericType(vector.ItemType.RawType), value, vector)!
            : throw new InvalidDataException("The saved pipeline has labels of an unknown type.");
    }

    /// <summary>Returns the values and their type as ML.NET saves them.</summary>
    /// <exception cref="NotSupportedException">ML.NET cannot save values of this type.</exception>
    public abstract byte[] ToBytes(IHostEnvironment environment);

    /// <summary>Adds the values to a column's annotations.</summary>
    public abstract void AddTo(DataViewSchema.Annotations.Builder annotations);

    private sealed class Keys<T> : LabelKeys
    {
        private readonly VectorDataViewType _type;
        private VBuffer<T> _values;

        public Keys(DataViewSchema.Annotations annotations, VectorDataViewType type)
        {
            _type = type;
            annotations.GetValue(Kind, ref _values);
        }

        public Keys(VBuffer<T> values, VectorDataViewType type) => (_values, _type) = (values, type);

        public override IEnumerable<string> Texts =>
            _values.DenseValues().Select(value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");

        public override byte[] ToBytes(IHostEnvironment environment)
        {
            using var stream = new MemoryStream();
            var saver = new BinarySaver(environment, new BinarySaver.Arguments());
            return saver.TryWriteTypeAndValue(stream, _type, ref _values, out _)
                ? stream.ToArray()
                : throw new NotSupportedException($"ML.NET cannot save labels of type {_type.ItemType}.");
        }

        public override void AddTo(DataViewSchema.Annotations.Builder annotations) =>
            annotations.Add(Kind, _type, (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => _values.CopyTo(ref value)));
    }
}
