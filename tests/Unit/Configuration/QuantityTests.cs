using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Tests.Configuration;

public class QuantityTests
{
    [Fact]
    public void Only_one_is_singular_in_every_culture()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.Equal("0 tokens", Quantity.Of(0, "token"));
            Assert.Equal("1 token", Quantity.Of(1, "token"));
            Assert.Equal("1,234 tokens", Quantity.Of(1234, "token", "N0"));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }
}
