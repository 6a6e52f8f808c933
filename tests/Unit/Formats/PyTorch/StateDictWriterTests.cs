using System.Globalization;
using System.Security.Cryptography;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.PyTorch;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

/// <summary>
/// Compared with the <c>data.pkl</c> that <c>torch.save</c> of PyTorch 1.13 wrote for an <c>OrderedDict</c> of the same
/// keys and tensors.
/// </summary>
public class StateDictWriterTests
{
    // Six keys, of which two refer to one mask and two to one embedding: (2, 3), (2, 2), (300) and (70000).
    private const string Single =
        "800263636f6c6c656374696f6e730a4f726465726564446963740a71002952710128580e000000746f6b5f656d622e776569676874710263746f7263682e5f7574696c730a5f" +
        "72656275696c645f74656e736f725f76320a71032828580700000073746f72616765710463746f7263680a466c6f617453746f726167650a7105580100000030710658030000" +
        "0063707571074b06747108514b004b024b038671094b034b0186710a8968002952710b74710c52710d58150000007472665f626c6f636b732e302e6174742e6d61736b710e68" +
        "03282868046805580100000031710f68074b04747110514b004b024b028671114b024b018671128968002952711374711452711558150000007472665f626c6f636b732e312e" +
        "6174742e6d61736b71166815580e000000706f735f656d622e77656967687471176803282868046805580100000032711868074d2c01747119514b004d2c0185711a4b018571" +
        "1b8968002952711c74711d52711e5803000000626967711f6803282868046805580100000033712068074a70110100747121514b004a701101008571224b0185712389680029" +
        "527124747125527126580f0000006f75745f686561642e7765696768747127680d752e";

    private static readonly IReadOnlyList<ExportTensor> Tensors = [Zeros(2, 3), Zeros(2, 2), Zeros(300), Zeros(70000)];

    private static readonly IReadOnlyList<(string, int)> Items =
    [
        ("tok_emb.weight", 0), ("trf_blocks.0.att.mask", 1), ("trf_blocks.1.att.mask", 1), ("pos_emb.weight", 2),
        ("big", 3), ("out_head.weight", 0),
    ];

    [Fact]
    public void A_state_dict_is_pickled_like_PyTorchs_byte_for_byte() =>
        Assert.Equal(Single, Convert.ToHexStringLower(StateDictWriter.Write(Items, Tensors, TensorDataType.Float32)));

    [Theory]
    [InlineData(TensorDataType.Float16, "e85577946f70800ea1b43f72659a07f4873d29fe035c5fac5b1d2b341e79c63a")]
    [InlineData(TensorDataType.BFloat16, "911ec1c21becad97b2152ea1a6bc3cead3c39680703a42a0d6d29add860c6c9b")]
    public void Narrow_types_have_their_own_storages(TensorDataType type, string sha256) =>
        Assert.Equal(sha256, Hash(StateDictWriter.Write(Items, Tensors, type)));

    /// <summary>
    /// More than 256 objects in the memo, and more than one batch of 1000 items; the last batch may have one item.
    /// </summary>
    [Theory]
    [InlineData(1001, "7ea38c7bfc017683ab79d474568f5e6b06301f8335f2543bf94b04c829ee30e7")]
    [InlineData(1100, "f1ac6ed980f6c67a028bd36f4e24ea9882b6c440139d0b323fcd762b5ba44cbd")]
    [InlineData(2000, "f39c84889d88bb75dc6434c4d329c04b852b06d500ca8532768e7b6f49ea538a")]
    public void Many_keys_are_written_in_batches(int count, string sha256) =>
        Assert.Equal(
            sha256,
            Hash(StateDictWriter.Write([.. Enumerable.Range(0, count).Select(i => (Key(i), 0))], [Zeros(3)], TensorDataType.Float32)));

    [Fact]
    public void Many_tensors_are_numbered_consecutively() =>
        Assert.Equal(
            "04f467de844bf7954c332c7ecd4519818982ee7fdec8dd07db0c6a59bc245bb4",
            Hash(
                StateDictWriter.Write(
                    [.. Enumerable.Range(0, 40).Select(i => (Key(i), i))],
                    [.. Enumerable.Range(0, 40).Select(i => Zeros(i + 1, 2))],
                    TensorDataType.Float32)));

    private static ExportTensor Zeros(params int[] shape) => ExportTensor.Zeros("", shape);

    private static string Key(int number) => "k" + number.ToString(CultureInfo.InvariantCulture);

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
