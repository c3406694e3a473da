using System.Text;
using System.Text.Json;
using CsCheck;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;

namespace OrleansStream.Tests.Api;

public class JsonInputTests
{
    // Whole characters, and backslashes that are no escapes, stand around whatever is sought.
    private const string Around = "\"\\ud83d\\ude00 \\\\ud800 \\\\\\\\udc00 \\u00e9\"";

    private static readonly Gen<string[]> Paths =
        Gen.OneOf(OneOf("records", "acks", "headers", "a b", "config"), Gen.Int[0, 3].Select(i => $"[{i}]")).Array[0, 6];

    private static readonly Gen<string> Halves = OneOf("\\ud800", "\\udbff", "\\udc00", "\\uDFFF", "\\ud800\\ud800", "\\ud83d\\u0041", "\\\\\\ud800");

    [Fact]
    public void Check_WhereverATextHoldsHalfACharacter_NamesTheField() =>
        Gen.Select(Paths, Halves).Sample((path, half) =>
            Assert.Equal(PathOf(path), FieldOf(Nest(path, $"\"x{half}y\""))), iter: 2_000);

    [Fact]
    public void Check_WhereverANameHoldsHalfACharacter_NamesTheObject() =>
        Gen.Select(Paths, Halves).Sample((path, half) =>
            Assert.Equal(PathOf(path), FieldOf(Nest(path, $"{{\"z\":1,\"{half}\":1}}"))), iter: 2_000);

    [Fact]
    public void Check_WhenItIsInsideAPayload_NamesThePayload()
    {
        Assert.Equal("records[0].value", FieldOf("""{"records":[{"value":{"a":["\ud800"]}}]}"""));
        Assert.Equal("records[1].key", FieldOf("""{"records":[{},{"key":{"\ud800":1}}]}"""));
        Assert.Equal("lines[4].headers[0].value", FieldOf("""{"headers":[{"value":"\ud800"}]}""", "lines[4]"));
    }

    [Fact]
    public void Check_WhenThereIsNone_TakesIt() => Paths.Sample(path => JsonInput.Check(Encoding.UTF8.GetBytes(Nest(path, Around))), iter: 500);

    [Fact]
    public void Check_WhateverTheText_RefusesJustWhatNoReaderCanRead()
    {
        var piece = OneOf("{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\\", "\\\\", "\\u", "\\ud800", "\\udc00", "d800", "\\n", "1", "x");
        piece.Array[1, 14].Select(string.Concat).Sample(text => Assert.Equal(CanBeRead(text), FieldOf(text) is null), iter: 50_000);
    }

    // What is no JSON at all is for the reader to say: this says so too where it has found half a character first.
    private static bool CanBeRead(string text)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                    _ = reader.GetString();
            }

            return true;
        }
        catch (JsonException)
        {
            return FieldOf(text) is null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static string? FieldOf(string text, string path = "")
    {
        try
        {
            JsonInput.Check(Encoding.UTF8.GetBytes(text), path);
            return null;
        }
        catch (RequestException refusal)
        {
            return refusal.Error.Field ?? "";
        }
    }

    private static string Nest(string[] path, string value) => path.Reverse().Aggregate(value, (inner, step) => step[0] == '['
        ? $"[{string.Concat(Enumerable.Repeat($"{Around},", step[1] - '0'))}{inner},{{\"n\":{Around}}}]"
        : $"{{\"before\":[{Around},1], \"{step}\" : {inner} ,\"after\":{{{Around}:{Around}}}}}");

    private static string PathOf(string[] path) => path.Length == 0
        ? "body"
        : path.Aggregate("", (all, step) => step[0] == '[' || all.Length == 0 ? all + step : $"{all}.{step}");

    private static Gen<T> OneOf<T>(params T[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);
}
