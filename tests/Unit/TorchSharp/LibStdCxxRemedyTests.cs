using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

public class LibStdCxxRemedyTests
{
    [Fact]
    public void Mending_changes_three_bytes_and_nothing_else()
    {
        byte[] stock = StockLibrary.Read();
        byte[] untouched = [.. stock];
        byte[] mended = LibStdCxxRemedy.Mend(stock);

        Assert.Equal(untouched, stock);
        Assert.Equal(stock.Length, mended.Length);
        var changes = Enumerable.Range(0, stock.Length).Where(i => stock[i] != mended[i]).Select(i => (stock[i], mended[i])).Order();

        // Two flags become VER_FLG_WEAK; condition_variable::wait moves from GLIBCXX_3.4.30, index 29, to GLIBCXX_3.4.11, index 10
        // (indices as `readelf -V` shows them for the library of TorchSharp 0.107.0).
        Assert.Equal([((byte)0, (byte)2), ((byte)0, (byte)2), ((byte)29, (byte)10)], changes);
    }

    [Fact]
    public void What_the_library_needs_is_read_as_readelf_reads_it()
    {
        var needs = new ElfSharedObject(StockLibrary.Read()).Needs().ToList();

        // `readelf -VW libLibTorchSharp.so` of TorchSharp 0.107.0: 5 libraries with 1, 1, 1, 5 and 20 versions.
        Assert.Equal([1, 1, 1, 5, 20], needs.GroupBy(need => need.Library).Select(group => group.Count()));
        Assert.Contains(needs, need => need is { Library: "libstdc++.so.6", Version: "GLIBCXX_3.4.32", Index: 18 });
        Assert.Contains(needs, need => need is { Library: "libc.so.6", Version: "GLIBC_2.34", Index: 24 });
    }

    [Fact]
    public void A_mended_library_needs_no_second_mending_to_be_the_same() =>
        Assert.Equal(LibStdCxxRemedy.Mend(StockLibrary.Read()), LibStdCxxRemedy.Mend(LibStdCxxRemedy.Mend(StockLibrary.Read())));

    [Fact]
    public void What_is_not_a_shared_object_is_refused() =>
        Assert.Throws<InvalidDataException>(() => LibStdCxxRemedy.Mend(File.ReadAllBytes(typeof(LibStdCxxRemedy).Assembly.Location)));

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(200_000)]
    public void A_truncated_library_is_refused(int length)
    {
        byte[] part = StockLibrary.Read()[..length];
        Assert.Throws<InvalidDataException>(() => LibStdCxxRemedy.Mend(part));
    }

    [Fact]
    public void A_library_that_really_uses_the_missing_version_is_refused()
    {
        byte[] image = StockLibrary.Read();
        var library = new ElfSharedObject(image);
        int symbol = library.RelocatedSymbols().First(symbol => library.SymbolName(symbol) == "_ZSt9terminatev");
        image[library.SymbolVersionOffset(symbol)] = (byte)library.Needs().First(need => need.Version == "GLIBCXX_3.4.32").Index;

        var refusal = Assert.Throws<InvalidDataException>(() => LibStdCxxRemedy.Mend(image));
        Assert.Contains("_ZSt9terminatev", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("GLIBCXX_3.4.32", refusal.Message, StringComparison.Ordinal);
    }
}
