using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Tests.Generation;

public class RandomTests
{
    [Fact] // The reference C program's first numbers for the state 1, 2, 3, 4, as the crate rand_xoshiro pins them.
    public void Xoshiro_gives_the_reference_implementations_numbers()
    {
        var random = new Xoshiro256(1, 2, 3, 4);
        ulong[] expected =
        [
            11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
            16172922978634559625, 8476171486693032832, 10595114339597558777, 2904607092377533576,
        ];
        Assert.Equal(expected, expected.Select(_ => random.Next()));
    }

    [Fact] // As the crate rand_xoshiro pins the reference C program's numbers.
    public void SplitMix_gives_the_reference_implementations_numbers()
    {
        var random = new SplitMix64(1477776061723855037);
        ulong[] expected = [1985237415132408290, 2979275885539914483, 13511426838097143398, 8488337342461049707, 15141737807933549159];
        foreach (ulong number in expected) Assert.Equal(number, random.Next());
    }

    [Fact] // ISO/IEC 14882 (C++), [rand.predef]: the 10000th number of a default-constructed std::mt19937.
    public void The_Mersenne_twister_gives_the_number_in_the_standard()
    {
        var random = new MersenneTwister(5489);
        random.Skip(9999);
        Assert.Equal(4123659995, random.Next());
    }

    [Fact]
    public void Skipping_numbers_equals_drawing_and_dropping_them()
    {
        foreach (int count in (int[])[0, 1, 623, 624, 625, 1248, 100_000])
        {
            var skipping = new MersenneTwister(123);
            var drawing = new MersenneTwister(123);
            skipping.Next();
            drawing.Next();
            skipping.Skip(count);
            for (int i = 0; i < count; i++) drawing.Next();
            Assert.Equal(drawing.Next(), skipping.Next());
        }
    }

    [Fact]
    public void Streams_of_adjacent_seeds_differ()
    {
        var firsts = from seed in Enumerable.Range(-20, 40) from stream in Enumerable
            .Range(0, 20) select Xoshiro256
            .ForStream(seed, stream)
            .Next();
        Assert.Equal(800, firsts.Distinct().Count());
    }
}
