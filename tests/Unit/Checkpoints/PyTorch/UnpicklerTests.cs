using System.Globalization;
using System.Text;
using MLNet.Gpt.Checkpoints.PyTorch;

namespace MLNet.Gpt.Tests.Checkpoints.PyTorch;

/// <summary>Pickles by their opcodes: text in quotes is written as it is, what stands in &lt; &gt; as bytes in hexadecimal.</summary>
public class UnpicklerTests
{
    [Theory]
    [InlineData("cposix\nsystem\nX<02000000>ls<85>R.", "asks for 'posix.system'")]
    [InlineData("<80><02>cbuiltins\neval\n.", "asks for 'builtins.eval'")]
    [InlineData("<80><04><8C><08>builtins<8C><04>exec<93>.", "asks for 'builtins.exec'")]
    [InlineData("c__main__\nGPTModel\n.", "asks for '__main__.GPTModel'")]
    [InlineData("cnumpy.core.multiarray\nscalar\n.", "asks for 'numpy.core.multiarray.scalar'")]
    [InlineData("ctorch\nload\n.", "asks for 'torch.load'")]
    [InlineData("ctorch.storage\n_load_from_bytes\n.", "asks for 'torch.storage._load_from_bytes'")]
    [InlineData("ctorch\nFloatStorage\n)R.", "calls 'torch.FloatStorage' with other arguments")]
    [InlineData("(iposix\nsystem\n.", "the opcode 0x69")]
    [InlineData("(cposix\nsystem\no.", "asks for 'posix.system'")]
    [InlineData("}}<81>.", "the opcode 0x81")]
    [InlineData("Pposix\n.", "the opcode 0x50")]
    [InlineData("X<FFFFFF7F>a.", "ends in the middle")]
    [InlineData("X<FFFFFFFF>a.", "more than 31 bits")]
    [InlineData("}", "ends in the middle")]
    [InlineData(".", "uses an object that is not there")]
    [InlineData("(.", "uses an object that is not there")]
    [InlineData("K<01>(0.", "uses an object that is not there")]
    [InlineData("t.", "ends a group")]
    [InlineData("h<05>.", "recalls object 5")]
    [InlineData("}(K<01>u.", "a key without a value")]
    [InlineData("}X<01000000>aK<01>sX<01000000>aK<02>s.", "sets 'a' twice")]
    [InlineData("K<01>K<02>K<03>s.", "sets a key of something that is no dictionary")]
    [InlineData("}K<03>a.", "appends to something that is no list")]
    [InlineData("K<01>}b.", "sets attributes of something that is no dictionary")]
    [InlineData("K<01>Q.", "no storage of a tensor")]
    [InlineData("<8A><FF>1.", "ends in the middle")]
    [InlineData("<80><06>.", "of protocol 6")]
    public void What_a_state_dict_does_not_need_is_refused_by_name(string pickle, string reason)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(pickle));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains("'model.pth'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plain_data_come_back()
    {
        var root = Assert.IsType<PickleDictionary>(Read(
            "<80><02>}q<00>(X<01000000>a(K<01>M<0201>J<FEFFFFFF><8A><03><000001>tX<01000000>b]q<01>(<88><89>NeX<01000000>cG<3FF8000000000000>X<01000000>dh<01>K<07>K<08>u."));
        Assert.Equal(new object?[] { 1L, 258L, -2L, 0x10000L }, Assert.IsType<object?[]>(root["a"]));
        Assert.Equal(new object?[] { true, false, null }, Assert.IsType<List<object?>>(root["b"]));
        Assert.Equal(1.5, root["c"]);
        Assert.Same(root["b"], root["d"]);
        Assert.Equal(4, root.Entries.Count()); // The entry with a number for a key is left out.
    }

    [Fact]
    public void A_list_that_is_recalled_again_and_again_ends()
    {
        // A list of 1,000 pairs, of which 10,000 dictionaries are made.
        var pickle = new StringBuilder("ccollections\nOrderedDict\nq<01>0](");
        for (int i = 0; i < 1_000; i++) pickle.Append("X<04000000>").Append(i.ToString("0000", CultureInfo.InvariantCulture)).Append("K<01><86>");
        pickle.Append("eq<00>0");
        for (int i = 0; i < 10_000; i++) pickle.Append("h<01>h<00><85>R0");
        pickle.Append("N.");
        Assert.Contains("more than 2000000 steps", Assert.Throws<InvalidDataException>(() => Read(pickle.ToString())).Message, StringComparison.Ordinal);
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
