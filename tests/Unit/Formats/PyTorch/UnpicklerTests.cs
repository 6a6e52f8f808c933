using System.Globalization;
using System.Text;
using MLNet.Gpt.Formats.PyTorch;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

/// <summary>
/// Pickles by their opcodes: plain text is written as it is, text in &lt; &gt; is bytes in hexadecimal.
/// </summary>
public class UnpicklerTests
{
    [Theory]
    [InlineData("cposix\nsystem\nX<02000000>ls<85>R.", "refers to 'posix.system'")]
    [InlineData("<80><02>cbuiltins\neval\n.", "refers to 'builtins.eval'")]
    [InlineData("<80><04><8C><08>builtins<8C><04>exec<93>.", "refers to 'builtins.exec'")]
    [InlineData("c__main__\nGPTModel\n.", "refers to '__main__.GPTModel'")]
    [InlineData("cnumpy.core.multiarray\nfromstring\n.", "refers to 'numpy.core.multiarray.fromstring'")]
    [InlineData("cargparse\nArgumentParser\n.", "refers to 'argparse.ArgumentParser'")]
    [InlineData("c__builtin__\neval\n.", "refers to '__builtin__.eval'")]
    [InlineData("c__builtin__\ngetattr\n.", "refers to '__builtin__.getattr'")]
    [InlineData("cposix\nsystem\n.", "torch.save(model.state_dict(), \"model.pth\")")]
    [InlineData("<8F>K<01>b<90>.", "ends a group")]
    [InlineData("](K<01><90>.", "adds to something that is not a set")]
    [InlineData("ctorch\nFloatStorage\n)<81>.", "creates an object of something that is not a known class")]
    [InlineData("ctorch\nload\n.", "refers to 'torch.load'")]
    [InlineData("ctorch.storage\n_load_from_bytes\n.", "refers to 'torch.storage._load_from_bytes'")]
    [InlineData("ctorch\nFloatStorage\n)R.", "calls 'torch.FloatStorage' with arguments")]
    [InlineData("(iposix\nsystem\n.", "the opcode 0x69")]
    [InlineData("(cposix\nsystem\no.", "refers to 'posix.system'")]
    [InlineData("}}<81>.", "creates an object of something that is not a known class")]
    [InlineData("Pposix\n.", "the opcode 0x50")]
    [InlineData("X<FFFFFF7F>a.", "ends in the middle")]
    [InlineData("X<FFFFFFFF>a.", "more than 31 bits")]
    [InlineData("}", "ends in the middle")]
    [InlineData(".", "uses a missing object")]
    [InlineData("(.", "uses a missing object")]
    [InlineData("K<01>(0.", "uses a missing object")]
    [InlineData("t.", "ends a group")]
    [InlineData("h<05>.", "recalls object 5")]
    [InlineData("}(K<01>u.", "a key without a value")]
    [InlineData("}X<01000000>aK<01>sX<01000000>aK<02>s.", "sets 'a' twice")]
    [InlineData("K<01>K<02>K<03>s.", "sets a key of something that is not a dictionary")]
    [InlineData("}K<03>a.", "appends to something that is not a list")]
    [InlineData("K<01>}b.", "sets attributes of something that is not a dictionary")]
    [InlineData("K<01>Q.", "not the storage of a tensor")]
    [InlineData("<8A><FF>1.", "ends in the middle")]
    [InlineData("<80><06>.", "of protocol 6")]
    public void Names_that_a_state_dict_does_not_need_are_refused(string pickle, string reason)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(pickle));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains("'model.pth'", error.Message, StringComparison.Ordinal);
    }

    [Theory] // what torch's weights_only accepts, and what training programs save with the weights, as pickled by Python
    [InlineData("ctorch\nfloat32\n")] // torch.float32
    [InlineData("ctorch\ndevice\nX<04000000>cuda<85>R")] // torch.device('cuda')
    [InlineData("ctorch\ndevice\nX<04000000>cudaK<00><86>R")] // torch.device('cuda:0')
    [InlineData("ctorch\nSize\n(K<02>K<03>t<85>R")] // torch.Size([2, 3])
    [InlineData("ctorch.serialization\n_get_layout\nX<0D000000>torch.strided<85>R")] // torch.strided
    [InlineData("ccollections\nCounter\n}X<01000000>aK<02>s<85>R")] // Counter(a=2)
    [InlineData("ccollections\ndefaultdict\nc__builtin__\nint\n<85>RX<01000000>aK<02>s")] // defaultdict(int, a=2)
    [InlineData("c__builtin__\nset\n](K<01>K<02>e<85>R")] // {1, 2} of protocol 2
    [InlineData("<8F>(K<01>K<02><90>")] // {1, 2} of protocol 4
    [InlineData("(K<01>K<02><91>")] // frozenset({1, 2})
    [InlineData("c__builtin__\ncomplex\nG<3FF0000000000000>G<4000000000000000><86>R")] // 1 + 2j
    [InlineData(
        "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX<02000000>f8<89><88><87>R(K<03>X<01000000><3C>NNNJ<FFFFFFFF>J<FFFFFFFF>K<00>tbc_codecs\nencode\nX<01000000>aX<06000000>latin1<86>R<86>R")]
    // numpy.float64 of NumPy 2, protocol 4
    [InlineData("cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX<02000000>f8<89><88><87>RC<01>a<86>R")]
    [InlineData("cargparse\nNamespace\n)<81>}X<06000000>n_headK<04>sb")] // argparse.Namespace(n_head=4)
    public void Objects_next_to_weights_are_skipped(string value)
    {
        var root = Assert.IsType<PickleDictionary>(Read($"}}X<01000000>v{value}sX<01000000>wK<07>s."));
        Assert.NotNull(root["v"]);
        Assert.Equal(7L, root["w"]);
    }

    [Fact]
    public void Attributes_of_an_object_are_kept()
    {
        var arguments = Assert.IsType<PickleObject>(Read("cargparse\nNamespace\n)<81>}X<06000000>n_headK<04>sb."));
        Assert.Equal("argparse.Namespace", arguments.ToString());
        Assert.Equal(4L, arguments.State!["n_head"]);
    }

    [Fact]
    public void Plain_data_are_read_back()
    {
        var root = Assert.IsType<PickleDictionary>(Read(
            "<80><02>}q<00>(X<01000000>a(K<01>M<0201>J<FEFFFFFF><8A><03><000001>tX<01000000>b]q<01>(<88><89>NeX<01000000>cG<3FF8000000000000>X<01000000>dh<01>K<07>K<08>u."));
        Assert.Equal(new object?[] { 1L, 258L, -2L, 0x10000L }, Assert.IsType<object?[]>(root["a"]));
        Assert.Equal(new object?[] { true, false, null }, Assert.IsType<List<object?>>(root["b"]));
        Assert.Equal(1.5, root["c"]);
        Assert.Same(root["b"], root["d"]);
        Assert.Equal(4, root.Entries.Count()); // the entry with a number as the key is left out
    }

    [Fact]
    public void A_list_that_is_recalled_again_and_again_ends()
    {
        // A list of 1,000 pairs, from which 10,000 dictionaries are created.
        var pickle = new StringBuilder("ccollections\nOrderedDict\nq<01>0](");
        for (int i = 0; i < 1_000; i++)
        {
            pickle.Append("X<04000000>").Append(i.ToString("0000", CultureInfo.InvariantCulture)).Append("K<01><86>");
        }

        pickle.Append("eq<00>0");
        for (int i = 0; i < 10_000; i++) pickle.Append("h<01>h<00><85>R0");
        pickle.Append("N.");
        Assert.Contains(
            "more than 2000000 steps",
            Assert.Throws<InvalidDataException>(() => Read(pickle.ToString())).Message,
            StringComparison.Ordinal);
    }

    private static object? Read(string pickle)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < pickle.Length; i++)
        {
            if (pickle[i] != '<')
            {
                bytes.Add((byte)pickle[i]);
                continue;
            }

            int end = pickle.IndexOf('>', i);
            bytes.AddRange(Convert.FromHexString(pickle.AsSpan(i + 1, end - i - 1)));
            i = end;
        }

        return new PickleSequence("model.pth", [.. bytes]).Next();
    }
}
