using System.Text;
using System.Text.Json;
using CsCheck;
using OrleansStream.Rest.Json;

namespace OrleansStream.Tests.Api;

public class JsonTextTests
{
    [Theory]
    [InlineData("{}"), InlineData("[]"), InlineData(" {\"a\" : [1, 2.5e-3 , -0, {\"b\":null}] } \n"), InlineData("\"\\u00e9\\ud83d\\ude00\"")]
    [InlineData("true"), InlineData("false"), InlineData("null"), InlineData("0"), InlineData("-1.0E+9"), InlineData("\"\"")]
    public void IsValid_WhenJson_IsTrue(string text) => Assert.True(JsonText.IsValid(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData(""), InlineData(" "), InlineData("{"), InlineData("[1,]"), InlineData("{\"a\":1,}"), InlineData("{\"a\"}"), InlineData("{a:1}")]
    [InlineData("01"), InlineData("1."), InlineData(".5"), InlineData("1e"), InlineData("-"), InlineData("+1"), InlineData("NaN")]
    [InlineData("tru"), InlineData("truex"), InlineData("1 2"), InlineData("[1}"), InlineData("\"a"), InlineData("\"\\x\""), InlineData("\"\t\"")]
    [InlineData("\"\\ud800\""), InlineData("\"\\udc00\""), InlineData("\"\\ud800\\u0041\""), InlineData("[INFO] started"), InlineData("]")]
    public void IsValid_WhenNoJson_IsFalse(string text) => Assert.False(JsonText.IsValid(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void IsValid_WhenNestedToTheLimit_EndsThere()
    {
        string Nested(int depth) => new string('[', depth) + new string(']', depth);
        Assert.True(JsonText.IsValid(Encoding.UTF8.GetBytes(Nested(JsonLimits.JsonValueDepthMax))));
        Assert.False(JsonText.IsValid(Encoding.UTF8.GetBytes(Nested(JsonLimits.JsonValueDepthMax + 1))));
    }

    [Fact]
    public void IsValid_WhenInvalidUtf8_IsFalse() => Assert.False(JsonText.IsValid([(byte)'"', 0xFF, (byte)'"']));

    [Fact]
    public void IsValid_WhenAnyText_AgreesWithTheParser()
    {
        // Pieces of JSON in any order: mostly wrong in interesting ways, sometimes right.
        string[] pieces = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"\\n\"", "1", "-2.5e3", "0", "true", "null", " ", "x"];
        var piece = Gen.Int[0, pieces.Length - 1].Select(i => pieces[i]);
        piece.Array[1, 9].Select(string.Concat).Sample(
            text => JsonText.IsValid(Encoding.UTF8.GetBytes(text)) == IsJson(text), iter: 50_000);
    }

    // A long text is searched by blocks of several sizes: what ends it, or must be escaped, is at each place of each of them once.
    [Theory]
    [InlineData("\""), InlineData("\\"), InlineData("\\\""), InlineData("\u001f"), InlineData("\n"), InlineData(" "), InlineData("\u007f"), InlineData("é")]
    public void IsValid_OfALongTextWithACharacterAnywhere_AgreesWithTheParser(string character)
    {
        for (var length = 0; length <= 200; length++)
        {
            for (var at = 0; at <= length; at++)
            {
                var text = $"\"{new string('x', at)}{character}{new string('x', length - at)}\"";
                Assert.True(JsonText.IsValid(Encoding.UTF8.GetBytes(text)) == IsJson(text), text);
            }
        }
    }

    private static bool IsJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
